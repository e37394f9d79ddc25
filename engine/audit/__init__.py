"""The audit log (审计日志): written with what it tells of, sealed soon after, checked and read by auditors."""
