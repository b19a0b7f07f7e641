//! What is not believed of an answer: that it has no end.

use aws_sdk_ssm::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_ssm::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ssm::error::BoxError;
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;

use super::AwsError;

/// The largest answer that is read, in bytes. AWS's own stay far below: a page of log events is at
/// most 1 MiB, one of metric data 100,800 datapoints.
const LARGEST: usize = 32 * 1024 * 1024;
/// Pages of one list. A list of alarms is a hundred pages where there are ten thousand.
const MOST_PAGES: usize = 2000;

/// Stops reading an answer that is larger than any of AWS's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit;

impl Intercept for Limit {
    fn name(&self) -> &'static str {
        "limit of an answer"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().body_mut();
        let whole = std::mem::replace(body, SdkBody::taken());
        *body = SdkBody::from_body_1_x(Limited::new(whole, LARGEST));
        Ok(())
    }
}

/// The way through the pages of a list.
#[derive(Debug, Default)]
pub struct Pages {
    token: Option<String>,
    read: usize,
}

impl Pages {
    /// Goes on to the next page, if there is one: returns the token to ask for it with.
    ///
    /// # Errors
    /// When the list does not move on, or has more pages than any list of AWS's.
    pub fn next(
        &mut self,
        operation: &str,
        token: Option<String>,
    ) -> Result<Option<String>, AwsError> {
        let token = token.filter(|token| !token.is_empty());
        self.read += 1;
        if token.is_some() && (token == self.token || self.read >= MOST_PAGES) {
            let why = if token == self.token {
                "its NextToken leads to where it came from".to_owned()
            } else {
                format!("it has more than {MOST_PAGES} pages")
            };
            return Err(AwsError::garbled(operation, why));
        }
        self.token.clone_from(&token);
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_does_not_move_on_is_left() {
        let mut pages = Pages::default();
        let token = |text: &str| Some(text.to_owned());
        assert_eq!(pages.next("x", token("a")).unwrap(), token("a"));
        assert_eq!(pages.next("x", token("b")).unwrap(), token("b"));
        assert!(pages.next("x", token("b")).is_err());
        let mut pages = Pages::default();
        assert_eq!(pages.next("x", token("")).unwrap(), None);
        let mut pages = Pages::default();
        let read = (0..10_000).find(|page| pages.next("x", Some(page.to_string())).is_err());
        assert_eq!(read, Some(MOST_PAGES - 1));
    }
}
