//! Metric math: arithmetic over series, `SEARCH`, and `ANOMALY_DETECTION_BAND`.
//!
//! Series are aligned by their times; where one has no datapoint, the result has none.

use std::collections::BTreeMap;

use super::super::wire::Failure;

/// Values by epoch second.
pub(super) type Series = BTreeMap<i64, f64>;

/// The value of a part of an expression.
#[derive(Debug, Clone, PartialEq)]
enum Operand {
    Number(f64),
    Series(Series),
}

/// What a query asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Asked<'a> {
    /// `SEARCH('…', 'Statistic', period)`
    Search {
        query: &'a str,
        statistic: &'a str,
        period: i64,
    },
    /// `ANOMALY_DETECTION_BAND(id, width)`
    Band { of: &'a str, width: f64 },
    /// Arithmetic.
    Math(&'a str),
}

/// Tells what an expression asks for.
pub(super) fn read(text: &str) -> Result<Asked<'_>, Failure> {
    let inside = |name: &str| {
        text.trim()
            .strip_prefix(name)?
            .trim_start()
            .strip_prefix('(')?
            .strip_suffix(')')
    };
    let wrong = || Failure::new("ValidationError", format!("Error in expression {text:?}"));
    if let Some(inside) = inside("SEARCH") {
        let mut quoted = inside.split('\'');
        let (query, statistic) = (quoted.nth(1), quoted.nth(1));
        let period = quoted
            .next()
            .map(|rest| rest.trim().trim_start_matches(',').trim());
        return Ok(Asked::Search {
            query: query.ok_or_else(wrong)?,
            statistic: statistic.ok_or_else(wrong)?,
            period: match period {
                Some("") | None => 300,
                Some(number) => number.parse().map_err(|_| wrong())?,
            },
        });
    }
    if let Some(inside) = inside("ANOMALY_DETECTION_BAND") {
        let (of, width) = inside.split_once(',').unwrap_or((inside, "2"));
        return Ok(Asked::Band {
            of: of.trim(),
            width: width.trim().parse().map_err(|_| wrong())?,
        });
    }
    Ok(Asked::Math(text))
}

/// Two edges so many standard deviations around a series' mean.
pub(super) fn band(series: &Series, width: f64) -> (Series, Series) {
    #[expect(clippy::cast_precision_loss, reason = "counts of datapoints")]
    let count = series.len().max(1) as f64;
    let mean = series.values().sum::<f64>() / count;
    let variance = series
        .values()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / count;
    let edge = |sign: f64| {
        series
            .keys()
            .map(|at| (*at, mean + sign * width * variance.sqrt()))
            .collect()
    };
    (edge(-1.0), edge(1.0))
}

/// Computes arithmetic over series by id.
pub(super) fn compute(text: &str, known: &BTreeMap<String, Series>) -> Result<Series, Failure> {
    let mut parser = Parser {
        rest: text,
        known,
        depth: 0,
    };
    let value = parser.sum();
    parser.skip();
    match value {
        Some(Operand::Series(series)) if parser.rest.is_empty() => Ok(series),
        _ => Err(Failure::new(
            "ValidationError",
            format!("Error in expression: the simulator computes + - * / ( ) over ids: {text:?}"),
        )),
    }
}

struct Parser<'a> {
    rest: &'a str,
    known: &'a BTreeMap<String, Series>,
    depth: usize,
}

impl Parser<'_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, wanted: char) -> bool {
        self.skip();
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn sum(&mut self) -> Option<Operand> {
        let mut value = self.product()?;
        loop {
            if self.take('+') {
                value = apply(value, self.product()?, |a, b| Some(a + b));
            } else if self.take('-') {
                value = apply(value, self.product()?, |a, b| Some(a - b));
            } else {
                return Some(value);
            }
        }
    }

    fn product(&mut self) -> Option<Operand> {
        let mut value = self.factor()?;
        loop {
            if self.take('*') {
                value = apply(value, self.factor()?, |a, b| Some(a * b));
            } else if self.take('/') {
                value = apply(value, self.factor()?, |a, b| (b != 0.0).then_some(a / b));
            } else {
                return Some(value);
            }
        }
    }

    fn factor(&mut self) -> Option<Operand> {
        if self.depth > 16 {
            return None;
        }
        if self.take('-') {
            self.depth += 1;
            let value = self.factor()?;
            return Some(apply(Operand::Number(0.0), value, |a, b| Some(a - b)));
        }
        if self.take('(') {
            self.depth += 1;
            let value = self.sum()?;
            return self.take(')').then_some(value);
        }
        self.skip();
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        if let Ok(number) = word.parse::<f64>() {
            return Some(Operand::Number(number));
        }
        self.known.get(word).cloned().map(Operand::Series)
    }
}

fn apply(a: Operand, b: Operand, with: impl Fn(f64, f64) -> Option<f64>) -> Operand {
    let over = |series: Series, with: &dyn Fn(i64, f64) -> Option<f64>| {
        Operand::Series(
            series
                .into_iter()
                .filter_map(|(at, value)| Some((at, with(at, value)?)))
                .collect(),
        )
    };
    match (a, b) {
        (Operand::Number(a), Operand::Number(b)) => Operand::Number(with(a, b).unwrap_or(f64::NAN)),
        (Operand::Number(a), Operand::Series(b)) => over(b, &|_, b| with(a, b)),
        (Operand::Series(a), Operand::Number(b)) => over(a, &|_, a| with(a, b)),
        (Operand::Series(a), Operand::Series(b)) => {
            over(a, &|at, a| b.get(&at).and_then(|b| with(a, *b)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_is_computed_time_by_time() {
        let series = |values: &[f64]| (0..).zip(values.iter().copied()).collect::<Series>();
        let known = BTreeMap::from([
            ("e".to_owned(), series(&[1.0, 2.0, 3.0])),
            ("r".to_owned(), series(&[10.0, 0.0, 30.0])),
        ]);
        let share = compute("100 * e / (r + 0)", &known).unwrap();
        assert_eq!(share, Series::from([(0, 10.0), (2, 10.0)]));
        assert_eq!(compute("-e + 1", &known).unwrap().get(&1), Some(&-1.0));
        for bad in ["", "e +", "x", "1 + 2", "(e", "SUM(e)"] {
            assert!(compute(bad, &known).is_err(), "{bad}");
        }
    }

    #[test]
    fn searches_and_bands_are_told_from_arithmetic() {
        let search = r#"SEARCH('{AWS/EC2,InstanceId} MetricName="CPUUtilization"', 'Average', 60)"#;
        assert_eq!(
            read(search).unwrap(),
            Asked::Search {
                query: r#"{AWS/EC2,InstanceId} MetricName="CPUUtilization""#,
                statistic: "Average",
                period: 60
            }
        );
        assert_eq!(
            read("ANOMALY_DETECTION_BAND(m1, 3)").unwrap(),
            Asked::Band {
                of: "m1",
                width: 3.0
            }
        );
        assert_eq!(read("a / b").unwrap(), Asked::Math("a / b"));
    }
}
