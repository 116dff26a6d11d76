from . import (
    crm_case_merge,
    crm_case_section_create_menus,
    crm_case_transfer,
    crm_mail_intake_attach,
    crm_mail_intake_ignore,
    crm_profiling_fill,
    crm_segment_explain,
    crm_segment_preview,
)
