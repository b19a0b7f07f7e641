//! Links into the AWS console, as its own "share" buttons write them.

use url::form_urlencoded::byte_serialize;

/// The console's address for a region, by its partition.
fn host(region: &str) -> String {
    let domain = if region.starts_with("cn-") {
        "console.amazonaws.cn"
    } else if region.starts_with("us-gov-") {
        "console.amazonaws-us-gov.com"
    } else {
        "console.aws.amazon.com"
    };
    format!("https://{region}.{domain}")
}

fn encoded(text: &str) -> String {
    let text: String = byte_serialize(text.as_bytes()).collect();
    text.replace('+', "%20")
}

/// An alarm.
#[must_use]
pub fn alarm(region: &str, name: &str) -> String {
    let (host, name) = (host(region), encoded(name));
    format!("{host}/cloudwatch/home?region={region}#alarmsV2:alarm/{name}")
}

/// A log group. What follows the `#` is encoded twice, with `$` for `%`.
#[must_use]
pub fn log_group(region: &str, name: &str) -> String {
    let (host, name) = (host(region), encoded(&encoded(name)).replace('%', "$"));
    format!("{host}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{name}")
}

/// A command of Run Command.
#[must_use]
pub fn command(region: &str, id: &str) -> String {
    let (host, id) = (host(region), encoded(id));
    format!("{host}/systems-manager/run-command/{id}?region={region}")
}

/// An execution of an Automation document.
#[must_use]
pub fn automation(region: &str, id: &str) -> String {
    let (host, id) = (host(region), encoded(id));
    format!("{host}/systems-manager/automation/execution/{id}?region={region}")
}

/// An item of `OpsCenter`.
#[must_use]
pub fn ops_item(region: &str, id: &str) -> String {
    let (host, id) = (host(region), encoded(id));
    format!("{host}/systems-manager/opsitems/{id}/?region={region}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_partition_of_the_region() {
        assert_eq!(
            alarm("eu-central-1", "a b/é"),
            "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#alarmsV2:alarm/a%20b%2F%C3%A9"
        );
        assert_eq!(
            log_group("cn-north-1", "/aws/lambda/x"),
            "https://cn-north-1.console.amazonaws.cn/cloudwatch/home?region=cn-north-1#logsV2:log-groups/log-group/$252Faws$252Flambda$252Fx"
        );
        assert_eq!(
            command("us-gov-west-1", "0a-1"),
            "https://us-gov-west-1.console.amazonaws-us-gov.com/systems-manager/run-command/0a-1?region=us-gov-west-1"
        );
        assert!(
            automation("eu-west-1", "x")
                .ends_with("/systems-manager/automation/execution/x?region=eu-west-1")
        );
    }
}
