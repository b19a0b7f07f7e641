//! A log group as a playbook names it: by its name, or by an ARN, which may be another account's.

/// A log group, and a stream of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogGroup {
    /// Its name.
    pub name: String,
    /// Its ARN without the `:*` at its end, as `logGroupIdentifier` takes it; none where it was named.
    pub identifier: Option<String>,
    /// The region that its ARN says.
    pub region: Option<String>,
    /// The stream that its ARN says.
    pub stream: Option<String>,
}

impl LogGroup {
    /// Reads a name or an ARN:
    /// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/logs/iam-access-control-overview-cwl.html>.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let text = text.trim();
        let parts = text
            .starts_with("arn:")
            .then(|| text.split_once(":log-group:"))
            .flatten();
        let Some((head, rest)) = parts else {
            return Self {
                name: text.to_owned(),
                identifier: None,
                region: None,
                stream: None,
            };
        };
        // A name has no colon in it.
        let (name, rest) = rest.split_once(':').unwrap_or((rest, ""));
        let stream = rest
            .strip_prefix("log-stream:")
            .map(|stream| stream.trim_end_matches(":*"))
            .filter(|stream| !stream.is_empty() && *stream != "*");
        let region = head.split(':').nth(3).filter(|region| !region.is_empty());
        Self {
            name: name.to_owned(),
            identifier: Some(format!("{head}:log-group:{name}")),
            region: region.map(str::to_owned),
            stream: stream.map(str::to_owned),
        }
    }

    /// Its name, unless it is given by its ARN: AWS takes one of both.
    #[must_use]
    pub fn by_name(&self) -> Option<String> {
        self.identifier.is_none().then(|| self.name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_read_in_each_of_its_forms() {
        let head = "arn:aws:logs:eu-central-1:111122223333:log-group:/app/orders";
        for (end, stream) in [
            ("", None),
            (":*", None),
            (":log-stream:web/1", Some("web/1")),
            (":log-stream:web/1:*", Some("web/1")),
            (":log-stream:*", None),
        ] {
            let group = LogGroup::of(&format!("{head}{end}"));
            assert_eq!(group.identifier.as_deref(), Some(head), "{end}");
            assert_eq!(group.name, "/app/orders");
            assert_eq!(group.stream.as_deref(), stream, "{end}");
            assert_eq!(group.region.as_deref(), Some("eu-central-1"));
            assert_eq!(group.by_name(), None);
        }
        let named = LogGroup::of("/app/orders");
        assert_eq!(named.by_name().as_deref(), Some("/app/orders"));
    }
}
