"""What a case is: applications, cases, tasks, supplements, transfers, deadlines, archive. One use case, one transaction."""
