//! What a playbook needs to know before it can run, typed and validated.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::expression::Expression;

/// A declared input, or a value that a manual step asks for.
#[derive(Debug, Clone)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: InputType,
    /// Whether it is a list of that type.
    pub list: bool,
    /// Where its value comes from; the first that has one wins.
    pub from: Vec<Source>,
    /// Its value when nothing else has one.
    pub default: Option<Value>,
    /// The question the responder is asked.
    pub prompt: String,
    /// What a text must look like, beyond its type.
    pub pattern: Option<Regex>,
}

/// Where an input's value can come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// An expression over the alarm.
    Expression(Expression),
    /// The responder.
    Ask,
}

/// The type of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputType {
    /// Any text of one line.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// An EC2 or hybrid instance: `i-…` or `mi-…`.
    InstanceId,
    /// An RDS instance's identifier.
    DbInstanceId,
    /// A log group's name.
    LogGroup,
    /// A host name or an IP address.
    Host,
    /// A TCP port.
    Port,
}

/// Why a value does not fit an input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not {wanted}")]
pub struct InvalidInput {
    /// The value, as text.
    pub value: String,
    /// What was wanted.
    pub wanted: String,
}

// The patterns follow the parameter constraints in the EC2, RDS and CloudWatch Logs API
// references. All are anchored and free of white space and shell characters.
static INSTANCE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(i|mi)-[0-9a-f]{8,17}$").ok());
static DATABASE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[A-Za-z][A-Za-z0-9-]{0,62}$").ok());
static LOG_GROUP: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[.\-_/#A-Za-z0-9]{1,512}$").ok());
static HOST: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[A-Za-z0-9]([A-Za-z0-9.:-]{0,252}[A-Za-z0-9])?$").ok());

impl InputType {
    /// All types with their names.
    pub const ALL: [(&'static str, Self); 9] = [
        ("string", Self::String),
        ("integer", Self::Integer),
        ("number", Self::Number),
        ("boolean", Self::Boolean),
        ("instance-id", Self::InstanceId),
        ("db-instance-id", Self::DbInstanceId),
        ("log-group", Self::LogGroup),
        ("host", Self::Host),
        ("port", Self::Port),
    ];

    fn wanted(self) -> &'static str {
        match self {
            Self::String => "text of one line",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::InstanceId => "an instance id such as i-0123456789abcdef0",
            Self::DbInstanceId => "a database instance identifier such as orders-prod",
            Self::LogGroup => "a log group name such as /app/orders",
            Self::Host => "a host name or an IP address",
            Self::Port => "a port from 1 to 65535",
        }
    }

    fn parse(self, text: &str) -> Option<Value> {
        let matches = |pattern: &LazyLock<Option<Regex>>| {
            pattern
                .as_ref()
                .is_some_and(|pattern| pattern.is_match(text))
                .then(|| Value::from(text))
        };
        match self {
            Self::String => {
                (!text.is_empty() && text.len() <= 1024 && !text.chars().any(char::is_control))
                    .then(|| text.into())
            }
            Self::Integer => text.parse::<i64>().ok().map(Value::from),
            Self::Number => text
                .parse::<f64>()
                .ok()
                .filter(|number| number.is_finite())
                .map(Value::from),
            Self::Boolean => match text {
                "true" | "yes" | "y" => Some(true.into()),
                "false" | "no" | "n" => Some(false.into()),
                _ => None,
            },
            Self::InstanceId => matches(&INSTANCE),
            Self::DbInstanceId => matches(&DATABASE),
            Self::LogGroup => matches(&LOG_GROUP),
            Self::Host => matches(&HOST),
            Self::Port => text
                .parse::<u16>()
                .ok()
                .filter(|port| *port > 0)
                .map(Value::from),
        }
    }
}

impl Input {
    /// Whether its value names something that calls are made on.
    #[must_use]
    pub fn is_resource(&self) -> bool {
        matches!(
            self.kind,
            InputType::InstanceId | InputType::DbInstanceId | InputType::LogGroup
        )
    }

    /// Tells whether the responder may be asked for it.
    #[must_use]
    pub fn may_ask(&self) -> bool {
        self.from.iter().any(|source| matches!(source, Source::Ask))
    }

    /// Says what is wanted, with an example.
    #[must_use]
    pub fn wanted(&self) -> String {
        let one = self.kind.wanted();
        if self.list {
            format!("{one}; several are separated by spaces")
        } else {
            one.to_owned()
        }
    }

    /// Reads what the responder typed; items of a list are separated by commas or spaces.
    ///
    /// # Errors
    /// When it does not fit the type or the pattern.
    pub fn parse(&self, text: &str) -> Result<Value, InvalidInput> {
        if !self.list {
            return self.parse_one(text.trim());
        }
        let items: Vec<Value> = text
            .split([',', ' '])
            .filter(|item| !item.is_empty())
            .map(|item| self.parse_one(item))
            .collect::<Result<_, _>>()?;
        if items.is_empty() {
            return Err(self.invalid(text));
        }
        Ok(items.into())
    }

    /// Checks a value that came from elsewhere; one value becomes a list where a list is wanted.
    ///
    /// # Errors
    /// When it does not fit the type or the pattern.
    pub fn accept(&self, value: &Value) -> Result<Value, InvalidInput> {
        match (self.list, value) {
            (true, Value::Array(items)) if !items.is_empty() => {
                items.iter().map(|item| self.accept_one(item)).collect()
            }
            (true, Value::Array(_)) => Err(self.invalid("[]")),
            (true, one) => Ok(vec![self.accept_one(one)?].into()),
            (false, one) => self.accept_one(one),
        }
    }

    fn accept_one(&self, value: &Value) -> Result<Value, InvalidInput> {
        match value {
            Value::String(text) => self.parse_one(text),
            Value::Number(_) | Value::Bool(_) => self.parse_one(&value.to_string()),
            other => Err(self.invalid(&other.to_string())),
        }
    }

    fn parse_one(&self, text: &str) -> Result<Value, InvalidInput> {
        let fits = self
            .pattern
            .as_ref()
            .is_none_or(|pattern| pattern.is_match(text));
        self.kind
            .parse(text)
            .filter(|_| fits)
            .ok_or_else(|| self.invalid(text))
    }

    fn invalid(&self, value: &str) -> InvalidInput {
        let wanted = self.pattern.as_ref().map_or_else(
            || self.kind.wanted().to_owned(),
            |pattern| format!("{} matching {}", self.kind.wanted(), pattern.as_str()),
        );
        InvalidInput {
            value: value.chars().take(80).collect(),
            wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(kind: InputType, list: bool) -> Input {
        Input {
            name: "x".into(),
            kind,
            list,
            from: vec![Source::Ask],
            default: None,
            prompt: "?".into(),
            pattern: None,
        }
    }

    #[test]
    fn instance_ids_are_validated_one_by_one() {
        let input = input(InputType::InstanceId, true);
        assert_eq!(
            input.parse("i-0123456789abcdef0, i-0123abcd").unwrap(),
            serde_json::json!(["i-0123456789abcdef0", "i-0123abcd"])
        );
        for bad in ["", "i-xyz", "i-0123abcd;reboot", "{{ssm:x}}"] {
            assert!(input.parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn one_value_becomes_a_list_where_a_list_is_wanted() {
        let accepted = input(InputType::InstanceId, true).accept(&"i-0123abcd".into());
        assert_eq!(accepted.unwrap(), serde_json::json!(["i-0123abcd"]));
    }

    #[test]
    fn ports_have_bounds() {
        assert!(input(InputType::Port, false).parse("0").is_err());
        assert!(input(InputType::Port, false).parse("65536").is_err());
        assert_eq!(input(InputType::Port, false).parse("5432").unwrap(), 5432);
    }
}
