//! Which operations of the AWS CLI only read: the one place that says so.

/// Verbs with which AWS names operations that read.
const READING: [&str; 7] = [
    "describe-",
    "list-",
    "get-",
    "batch-get-",
    "lookup-",
    "filter-",
    "search-",
];

/// Operations that read although their verb does not say so.
const ALSO: [(&str, &str); 1] = [("rds", "download-db-log-file-portion")];

/// Operations whose verb reads, but which hand out secrets or make something.
const NOT: [(&str, &str); 12] = [
    ("secretsmanager", "get-secret-value"),
    ("secretsmanager", "batch-get-secret-value"),
    ("secretsmanager", "get-random-password"),
    ("ssm", "get-access-token"),
    ("sts", "get-session-token"),
    ("sts", "get-federation-token"),
    ("sts", "get-web-identity-token"),
    ("sts", "get-delegated-access-token"),
    ("ecr", "get-login-password"),
    ("ecr-public", "get-login-password"),
    ("ec2", "get-password-data"),
    ("redshift", "get-cluster-credentials"),
];

/// Tells whether an operation only reads.
#[must_use]
pub fn is_read(service: &str, operation: &str) -> bool {
    let named = |list: &[(&str, &str)]| list.contains(&(service, operation));
    !named(&NOT) && (named(&ALSO) || READING.iter().any(|verb| operation.starts_with(verb)))
}

#[cfg(test)]
mod tests {
    use super::is_read;

    #[test]
    fn reading_and_writing_operations_are_told_apart() {
        assert!(is_read("ec2", "describe-instances"));
        assert!(is_read("rds", "download-db-log-file-portion"));
        for (service, operation) in [
            ("ec2", "terminate-instances"),
            ("s3", "rm"),
            ("sts", "get-session-token"),
            ("ec2", "describe"),
        ] {
            assert!(!is_read(service, operation), "{service} {operation}");
        }
    }
}
