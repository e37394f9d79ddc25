"""What a case is: applications, cases, tasks, supplements, transfers, deadlines. One use case, one transaction."""
