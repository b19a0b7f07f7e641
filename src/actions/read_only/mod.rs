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

/// Words in the names of operations that hand out secrets.
const SECRET: [&str; 8] = [
    "credential",
    "token",
    "password",
    "secret",
    "access-details",
    "login",
    "private-key",
    "presigned",
];

/// Operations that hand out secrets although their name does not say so.
const NOT: [(&str, &str); 2] = [
    ("kms", "get-parameters-for-import"),
    ("iot", "get-registration-code"),
];

/// Tells whether an operation only reads.
#[must_use]
pub fn is_read(service: &str, operation: &str) -> bool {
    let named = |list: &[(&str, &str)]| list.contains(&(service, operation));
    let hands_out = operation.starts_with("get-") || operation.starts_with("batch-get-");
    let secret = hands_out && SECRET.iter().any(|word| operation.contains(word));
    !secret
        && !named(&NOT)
        && (named(&ALSO) || READING.iter().any(|verb| operation.starts_with(verb)))
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
            ("sso", "get-role-credentials"),
            ("ecr", "get-login-password"),
        ] {
            assert!(!is_read(service, operation), "{service} {operation}");
        }
    }
}
