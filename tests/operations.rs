//! Which operations of the AWS CLI may run: held against the CLI's own list, and against the access
//! levels of AWS's Service Authorization Reference.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeMap;

use standdown::actions::is_read;

/// Reads to which the reference gives another level, each looked up in its documentation.
const LEVELS: [(&str, &str); 14] = [
    ("appfabric", "batch-get-user-access-tasks"),
    ("bcm-pricing-calculator", "list-tags-for-resource"),
    ("billing", "get-resource-policy"),
    ("glue", "describe-connection-type"),
    ("glue", "describe-entity"),
    ("glue", "list-connection-types"),
    ("glue", "list-entities"),
    ("quicksight", "describe-data-set-permissions"),
    ("quicksight", "describe-data-source-permissions"),
    ("quicksight", "describe-topic-permissions"),
    ("route53globalresolver", "list-tags-for-resource"),
    ("secretsmanager", "validate-resource-policy"),
    ("ssm-sap", "get-resource-permission"),
    ("sts", "decode-authorization-message"),
];

/// Reads without a level whose documentation begins with what sounds like a write.
const SAID: [(&str, &str); 2] = [
    ("apigateway", "get-model-template"),
    ("cognito-idp", "list-web-authn-credentials"),
];

/// With these words the documentation of what writes begins.
const WRITES: [&str; 22] = [
    "creates",
    "create",
    "deletes",
    "delete",
    "updates",
    "update",
    "starts",
    "start",
    "stops",
    "stop",
    "sends",
    "adds",
    "removes",
    "modifies",
    "sets",
    "registers",
    "generates",
    "generate",
    "issues",
    "puts",
    "takes",
    "initiates",
];

#[test]
fn no_write_passes_and_most_reads_do() {
    let text = support::run_python_of("cli", "aws_operations.py", &[]);
    let mut passed: BTreeMap<String, usize> = BTreeMap::new();
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in text.lines() {
        let (service, operation, level, method, said): (
            String,
            String,
            Option<String>,
            Option<String>,
            String,
        ) = serde_json::from_str(line).unwrap();
        let name = (service.as_str(), operation.as_str());
        let count = level.clone().unwrap_or_else(|| "no level".into());
        if !is_read(&service, &operation) {
            *refused.entry(count).or_default() += 1;
            continue;
        }
        *passed.entry(count).or_default() += 1;
        let changes = matches!(method.as_deref(), Some("PUT" | "PATCH" | "DELETE"));
        let first = said
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_lowercase();
        let harmless = match level.as_deref() {
            Some("Read" | "List") => true,
            Some(_) => LEVELS.contains(&name),
            None => !WRITES.contains(&first.as_str()) || SAID.contains(&name),
        };
        // A command that the CLI adds answers no JSON to a JSON request.
        if changes || !harmless || method.is_none() {
            wrong.push(format!(
                "{service} {operation}: {level:?} {method:?} {said}"
            ));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    println!("passed: {passed:?}, refused: {refused:?}");
    let count = |of: &BTreeMap<String, usize>, level: &str| of.get(level).copied().unwrap_or(0);
    let reads = |of: &BTreeMap<String, usize>| count(of, "Read") + count(of, "List");
    assert!(count(&refused, "Write") > 8_000, "{refused:?}");
    assert!(
        reads(&passed) > 10 * reads(&refused),
        "{passed:?} {refused:?}"
    );
}

#[test]
fn what_sounds_like_a_read_and_is_none_is_refused() {
    for (service, operation) in [
        ("stepfunctions", "get-activity-task"),
        ("socialmessaging", "get-whatsapp-message-media"),
        ("controltower", "list-landing-zones"),
        ("cognito-identity", "get-id"),
        ("iot", "get-registration-code"),
        ("sso", "get-role-credentials"),
        ("lambda", "get-function"),
    ] {
        assert!(!is_read(service, operation), "{service} {operation}");
    }
}
