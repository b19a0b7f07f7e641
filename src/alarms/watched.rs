//! What an alarm itself compares, where that is not one statistic of one metric: metric math, a query
//! of Metrics Insights, an anomaly detection band, or a metric of one unit.

use aws_sdk_cloudwatch::types::{Metric, MetricAlarm, MetricDataQuery, MetricStat};

/// Letters of the ids that GetMetricData is asked with, before an alarm's own.
const PREFIX: &str = "q";

/// The queries of an alarm.
#[derive(Debug, Clone, PartialEq)]
pub struct Watched {
    queries: Vec<MetricDataQuery>,
    /// The id of the query whose value is compared.
    main: String,
    /// The id of the query that gives the band.
    band: Option<String>,
    /// The period of the result, in seconds.
    pub(super) period: i64,
}

/// What a result of GetMetricData is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// What the alarm compares.
    Value,
    /// The band that it compares with.
    Band,
}

impl Watched {
    /// Reads it from an alarm; `None` for one statistic of one metric, without a unit.
    pub(super) fn of(alarm: &MetricAlarm) -> Option<Self> {
        let period = |query: &MetricDataQuery| {
            let own = query.metric_stat().and_then(MetricStat::period);
            query.period().or(own).map(i64::from)
        };
        if alarm.metrics().is_empty() {
            let unit = alarm.unit()?.clone();
            let stat = alarm
                .statistic()
                .map(aws_sdk_cloudwatch::types::Statistic::as_str)
                .or(alarm.extended_statistic())?;
            let metric = Metric::builder()
                .set_namespace(alarm.namespace().map(str::to_owned))
                .set_metric_name(alarm.metric_name().map(str::to_owned))
                .set_dimensions(Some(alarm.dimensions().to_vec()))
                .build();
            let stat = MetricStat::builder()
                .metric(metric)
                .stat(stat)
                .unit(unit)
                .set_period(alarm.period());
            return Some(Self {
                queries: vec![
                    MetricDataQuery::builder()
                        .id("m")
                        .metric_stat(stat.build())
                        .build(),
                ],
                main: "m".to_owned(),
                band: None,
                period: i64::from(alarm.period().unwrap_or(60)),
            });
        }
        let queries = alarm.metrics().to_vec();
        let band = alarm.threshold_metric_id().map(str::to_owned);
        let is_main = |query: &&MetricDataQuery| {
            query.return_data() != Some(false) && query.id() != band.as_deref()
        };
        let main = queries.iter().find(is_main).or(queries.first())?;
        let known = period(main).or_else(|| queries.iter().filter_map(period).max());
        Some(Self {
            main: main.id()?.to_owned(),
            period: known.unwrap_or(60),
            band,
            queries,
        })
    }

    /// The queries under ids that no other alarm of a call has.
    pub(super) fn queries(&self, index: usize, account: Option<&str>) -> Vec<MetricDataQuery> {
        let ids: Vec<&str> = self
            .queries
            .iter()
            .filter_map(MetricDataQuery::id)
            .collect();
        let named = |id: &str| format!("{PREFIX}{index}_{id}");
        self.queries
            .iter()
            .map(|query| {
                let id = query.id().unwrap_or_default();
                let expression = query
                    .expression()
                    .map(|text| renamed(text, &ids, &|id| named(id)));
                let shown = id == self.main || Some(id) == self.band.as_deref();
                let own = query
                    .account_id()
                    .or(account.filter(|_| expression.is_none()));
                let mut query = query.clone();
                query.id = Some(named(id));
                query.account_id = own.map(str::to_owned);
                query.expression = expression;
                query.return_data = Some(shown);
                query.label = None;
                query
            })
            .collect()
    }

    /// Whether the value is computed, and no statistic of one metric.
    #[must_use]
    pub fn is_expression(&self) -> bool {
        self.queries.len() > 1
            || self
                .queries
                .iter()
                .any(|query| query.expression().is_some())
    }

    /// What a result is, by the id that it was asked with.
    pub(super) fn part(&self, id: &str) -> Option<Part> {
        if id == self.main {
            Some(Part::Value)
        } else {
            (Some(id) == self.band.as_deref()).then_some(Part::Band)
        }
    }
}

/// The alarm's place in a call, and its own id, of an id that was asked with.
pub(super) fn asked_as(id: &str) -> Option<(usize, &str)> {
    let (index, own) = id.strip_prefix(PREFIX)?.split_once('_')?;
    Some((index.parse().ok()?, own))
}

/// An expression in which ids are replaced; texts in quotes, and queries of Metrics Insights, stay.
fn renamed(expression: &str, ids: &[&str], named: &dyn Fn(&str) -> String) -> String {
    let query = expression.trim_start().get(..6);
    if query.is_some_and(|word| word.eq_ignore_ascii_case("select")) {
        return expression.to_owned();
    }
    let (mut out, mut word, mut quote) = (String::new(), String::new(), None);
    let end = |word: &mut String, out: &mut String| {
        if ids.contains(&word.as_str()) {
            out.push_str(&named(word));
        } else {
            out.push_str(word);
        }
        word.clear();
    };
    for c in expression.chars() {
        match quote {
            Some(open) => {
                out.push(c);
                quote = (c != open).then_some(open);
            }
            None if c.is_ascii_alphanumeric() || c == '_' => word.push(c),
            None => {
                end(&mut word, &mut out);
                out.push(c);
                quote = matches!(c, '"' | '\'').then_some(c);
            }
        }
    }
    end(&mut word, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_in_an_expression_are_renamed_and_nothing_else_is() {
        let named = |id: &str| format!("q7_{id}");
        let renamed = |text: &str| renamed(text, &["m1", "e", "errors"], &named);
        assert_eq!(renamed("100*(errors/m1)"), "100*(q7_errors/q7_m1)");
        assert_eq!(
            renamed("IF(m1 > 0, FILL(m11, 0), e)"),
            "IF(q7_m1 > 0, FILL(m11, 0), q7_e)"
        );
        assert_eq!(
            renamed("SEARCH('{AWS/EC2,InstanceId} m1', 'Average', 60)"),
            "SEARCH('{AWS/EC2,InstanceId} m1', 'Average', 60)"
        );
        let query = "SELECT AVG(m1) FROM SCHEMA(\"AWS/EC2\", InstanceId)";
        assert_eq!(renamed(query), query);
    }

    #[test]
    fn an_id_says_whose_it_is() {
        assert_eq!(asked_as("q12_m_1"), Some((12, "m_1")));
        assert_eq!(asked_as("m12"), None);
    }
}
