//! Which operations of the AWS CLI only read: the one place that says so.

mod lists;

use serde_json::Value;

use lists::{ALSO, FILES, SECRETS, WRITES};

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

/// Words in the names of operations that hand out secrets.
const SECRET: [&str; 12] = [
    "credential",
    "token",
    "password",
    "secret",
    "access-details",
    "login",
    "private-key",
    "presigned",
    "-url",
    "api-key",
    "stream-key",
    "session-endpoint",
];

/// What makes a read hand out a secret, or do something, if it is in the request.
const LOADED: [(&str, &str); 5] = [
    ("WithDecryption", "it would write a secret into the journal"),
    ("unmask", "it would write what is masked into the journal"),
    ("includeValue", "it would write a secret into the journal"),
    ("includeValues", "it would write a secret into the journal"),
    ("WakeUp", "it sends a key stroke to the instance"),
];

/// Tells whether an operation only reads.
#[must_use]
pub fn is_read(service: &str, operation: &str) -> bool {
    let named = |list: &[(&str, &[&str])]| {
        list.iter()
            .any(|(known, operations)| *known == service && operations.contains(&operation))
    };
    if named(WRITES) || named(SECRETS) || named(FILES) {
        return false;
    }
    if named(ALSO) {
        return true;
    }
    let hands_out = operation.starts_with("get-") || operation.starts_with("batch-get-");
    let secret = hands_out && SECRET.iter().any(|word| operation.contains(word));
    !secret && READING.iter().any(|verb| operation.starts_with(verb))
}

/// Tells whether a read is billed by the request, or uses up what a table has for its readers.
#[must_use]
pub(super) fn is_billed(service: &str, operation: &str) -> bool {
    BILLED
        .iter()
        .any(|(known, prefix)| *known == service && operation.starts_with(prefix))
}

/// Finds what a read's request may not hold, and why.
pub(super) fn loaded(input: &Value) -> Option<(&'static str, &'static str)> {
    LOADED.into_iter().find(|(key, _)| {
        input
            .get(key)
            .is_some_and(|value| *value != Value::Bool(false))
    })
}

/// Reads that are billed, by service and the beginning of the operation.
///
/// Cost Explorer: <https://aws.amazon.com/aws-cost-management/aws-cost-explorer/pricing/>.
/// The others are billed by what they read: <https://aws.amazon.com/dynamodb/pricing/>,
/// <https://aws.amazon.com/s3/pricing/>, <https://aws.amazon.com/timestream/pricing/>.
const BILLED: [(&str, &str); 9] = [
    ("ce", "get-"),
    ("ce", "list-"),
    ("dynamodb", "scan"),
    ("dynamodb", "query"),
    ("dynamodb", "get-item"),
    ("dynamodb", "batch-get-item"),
    ("dynamodb", "transact-get-items"),
    ("s3api", "list-object"),
    ("timestream-query", "query"),
];

/// Services whose permissions have another prefix than the CLI's name.
const PREFIXES: [(&str, &str); 13] = [
    ("configservice", "config"),
    ("deploy", "codedeploy"),
    ("elb", "elasticloadbalancing"),
    ("elbv2", "elasticloadbalancing"),
    ("emr", "elasticmapreduce"),
    ("efs", "elasticfilesystem"),
    ("opensearch", "es"),
    ("resourcegroupstaggingapi", "tag"),
    ("s3api", "s3"),
    ("sdb", "sdb"),
    ("sesv2", "ses"),
    ("stepfunctions", "states"),
    ("application-autoscaling", "application-autoscaling"),
];

/// The permission that an operation needs, as far as its name tells.
#[must_use]
pub(super) fn permission(service: &str, operation: &str) -> String {
    let prefix = PREFIXES
        .iter()
        .find(|(name, _)| *name == service)
        .map_or(service, |(_, prefix)| prefix);
    let name: String = operation
        .split('-')
        .map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|first| first.to_ascii_uppercase());
            first.into_iter().chain(letters).collect::<String>()
        })
        .collect();
    format!("{prefix}:{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_and_writing_operations_are_told_apart() {
        for (service, operation) in [
            ("ec2", "describe-instances"),
            ("rds", "download-db-log-file-portion"),
            ("dynamodb", "query"),
            ("iam", "get-credential-report"),
            ("s3api", "head-object"),
        ] {
            assert!(is_read(service, operation), "{service} {operation}");
        }
        for (service, operation) in [
            ("ec2", "terminate-instances"),
            ("s3", "rm"),
            ("sts", "get-session-token"),
            ("ec2", "describe"),
            ("sso", "get-role-credentials"),
            ("ecr", "get-login-password"),
            ("stepfunctions", "get-activity-task"),
            ("cognito-identity", "get-id"),
            ("s3api", "get-object"),
        ] {
            assert!(!is_read(service, operation), "{service} {operation}");
        }
    }

    #[test]
    fn a_permission_has_the_services_own_prefix() {
        assert_eq!(
            permission("ec2", "describe-instances"),
            "ec2:DescribeInstances"
        );
        assert_eq!(
            permission("elbv2", "describe-target-health"),
            "elasticloadbalancing:DescribeTargetHealth"
        );
    }
}
