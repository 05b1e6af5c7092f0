"""The page of jobs: one self-contained file (`dj-jobs report`), or served and live (`dj-jobs serve`)."""
