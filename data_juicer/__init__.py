"""data_juicer: fault-tolerant processing of training data."""
