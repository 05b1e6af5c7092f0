"""Operators of DataJuicer's that are not here yet, and what they would need, so that a recipe gets a fitting error."""

from __future__ import annotations

from functools import cache
from typing import Final

_NAMES: Final[dict[str, str]] = {
    "audio operators need a reader of sounds, which is not here yet": """
        audio_add_gaussian_noise_mapper audio_duration_filter audio_ffmpeg_wrapped_mapper
        audio_nmf_snr_filter audio_size_filter
    """,
    "image operators need a reader of pictures, which is not here yet": """
        image_aesthetics_filter image_aspect_ratio_filter image_blur_mapper image_deduplicator
        image_detection_yolo_mapper image_face_blur_mapper image_face_count_filter image_face_ratio_filter
        image_mmpose_mapper image_nsfw_filter image_ohem_selector image_pair_similarity_filter
        image_remove_background_mapper image_sam_3d_body_mapper image_segment_mapper image_shape_filter
        image_size_filter image_subplot_filter image_tagging_mapper image_tagging_vlm_mapper
        image_watermark_filter imgdiff_difference_area_generator_mapper
        imgdiff_difference_caption_generator_mapper ray_image_deduplicator
    """,
    "operators that ask a language model, or run one, are not here yet": """
        agent_insight_llm_mapper agent_skill_insight_mapper agent_tool_relevance_mapper
        agent_trace_coherence_mapper calibrate_qa_mapper calibrate_query_mapper calibrate_response_mapper
        dialog_clarification_quality_mapper dialog_coreference_mapper dialog_error_recovery_mapper
        dialog_intent_detection_mapper dialog_memory_consistency_mapper dialog_non_repetition_mapper
        dialog_proactivity_mapper dialog_sentiment_detection_mapper dialog_sentiment_intensity_mapper
        dialog_topic_detection_mapper dialog_topic_shift_mapper entity_attribute_aggregator
        extract_entity_attribute_mapper extract_entity_relation_mapper extract_event_mapper
        extract_keyword_mapper extract_nickname_mapper extract_support_text_mapper
        generate_qa_from_examples_mapper generate_qa_from_text_mapper in_context_influence_filter
        instruction_following_difficulty_filter llm_analysis_filter llm_condition_filter
        llm_difficulty_score_filter llm_extract_mapper llm_perplexity_filter llm_quality_score_filter
        llm_ray_vllm_engine_pipeline llm_task_relevance_filter meta_tags_aggregator
        most_relevant_entities_aggregator nested_aggregator optimize_prompt_mapper optimize_qa_mapper
        optimize_query_mapper optimize_response_mapper pair_preference_mapper pii_llm_suspect_mapper
        query_intent_detection_mapper query_sentiment_detection_mapper query_topic_detection_mapper
        relation_identity_mapper sdxl_prompt2prompt_mapper sentence_augmentation_mapper text_action_filter
        text_embd_similarity_filter text_entity_dependency_filter text_pair_similarity_filter
        text_tagging_by_prompt_mapper
    """,
    "operators of texts with pictures, sounds or videos need readers of those, which are not here yet": """
        detect_character_attributes_mapper detect_character_locations_mapper detect_main_character_mapper
        image_captioning_mapper image_diffusion_mapper image_text_matching_filter
        image_text_similarity_filter mllm_mapper phrase_grounding_recall_filter
        video_captioning_from_audio_mapper video_captioning_from_frames_mapper
        video_captioning_from_summarizer_mapper video_captioning_from_video_mapper
        video_extract_frames_mapper video_frames_text_similarity_filter video_split_by_duration_mapper
        video_split_by_key_frame_mapper video_split_by_scene_mapper vlm_ray_vllm_engine_pipeline
    """,
    "this operator is not here yet": """
        fused_sequential_batch_op ray_repartition_pipeline
    """,
    "operators that use a service of the network are not here yet": """
        download_file_mapper human_preference_annotation_mapper s3_download_file_mapper
        s3_upload_file_mapper
    """,
    "video operators need a reader of videos, which is not here yet": """
        export_to_lerobot_mapper ray_video_deduplicator vggt_mapper video_active_speaker_detect_mapper
        video_aesthetics_filter video_aspect_ratio_filter video_atomic_action_segment_mapper
        video_audio_ASR_mapper video_audio_detect_age_gender_mapper video_audio_speech_emotion_mapper
        video_camera_calibration_deepcalib_mapper video_camera_calibration_droidcalib_mapper
        video_camera_calibration_moge_mapper video_camera_pose_megasam_mapper
        video_captioning_face_attribute_emotion_mapper video_captioning_from_human_tracks_mapper
        video_captioning_from_vlm_mapper video_clip_reassembly_mapper video_deduplicator
        video_depth_estimation_mapper video_duration_filter video_face_blur_mapper video_face_ratio_filter
        video_ffmpeg_wrapped_mapper video_hand_action_compute_mapper video_hand_motion_smooth_mapper
        video_hand_reconstruction_hawor_mapper video_hand_reconstruction_mapper
        video_human_tracks_extraction_mapper video_human_tracks_face_demographic_mapper
        video_motion_score_filter video_motion_score_ptlflow_filter video_motion_score_raft_filter
        video_nsfw_filter video_object_segmenting_mapper video_ocr_area_ratio_filter
        video_remove_watermark_mapper video_resize_aspect_ratio_mapper video_resize_resolution_mapper
        video_resolution_filter video_tagging_from_audio_mapper video_tagging_from_frames_filter
        video_tagging_from_frames_mapper video_trajectory_overlay_mapper video_undistort_mapper
        video_watermark_filter video_whole_body_pose_estimation_mapper
    """,
}
"""Why -> names, with blanks between them."""


@cache
def _reasons() -> dict[str, str]:
    return {name: why for why, names in _NAMES.items() for name in names.split()}


def why_missing(name: str) -> str | None:
    """What the operator of DataJuicer's needs that is not here; None: it has none of this name, or it is here."""
    return _reasons().get(name)
