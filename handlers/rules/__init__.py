"""Pure law: functions of facts and dated values. No Flask, no database, no engine."""
