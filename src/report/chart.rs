//! A metric as a picture: SVG, with its threshold and what happened meanwhile.

use chrono::DateTime;
use plotters::prelude::*;

use super::model::Chart;

const SIZE: (u32, u32) = (860, 260);
/// Told apart by everybody: Okabe and Ito's palette.
const LINE: RGBColor = RGBColor(0, 114, 178);
const THRESHOLD: RGBColor = RGBColor(213, 94, 0);
const MARK: RGBColor = RGBColor(90, 90, 90);
const GRID: RGBColor = RGBColor(225, 225, 225);

/// Draws it; `None` where there is nothing to draw. A mark has its number, which the text below
/// explains.
pub(super) fn svg(chart: &Chart) -> Option<String> {
    let (first, last) = (chart.points.first()?, chart.points.last()?);
    let values = || {
        let all = chart.points.iter().map(|(_, value)| *value);
        all.chain(chart.threshold).filter(|value| value.is_finite())
    };
    let highest = values().fold(f64::MIN, f64::max);
    let lowest = values().fold(f64::MAX, f64::min);
    if highest < lowest || last.0 <= first.0 {
        return None;
    }
    let room = ((highest - lowest) * 0.1)
        .max(highest.abs() * 0.02)
        .max(1e-9);
    let bottom = if lowest >= 0.0 {
        (lowest - room).max(0.0)
    } else {
        lowest - room
    };
    let mut out = String::new();
    let last_mark = chart.marks.iter().map(|mark| mark.at.timestamp()).max();
    let until = last_mark.map_or(last.0, |mark| mark.max(last.0));
    draw(chart, (first.0, until), (bottom, highest + room), &mut out).ok()?;
    Some(out)
}

type Failed = Box<dyn std::error::Error>;

fn draw(
    chart: &Chart,
    (from, to): (i64, i64),
    (bottom, top): (f64, f64),
    out: &mut String,
) -> Result<(), Failed> {
    let area = SVGBackend::with_string(out, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let format = if to - from < 900 { "%H:%M:%S" } else { "%H:%M" };
    let mut plot = ChartBuilder::on(&area)
        .margin(8)
        .margin_top(20)
        .x_label_area_size(24)
        .y_label_area_size(56)
        .build_cartesian_2d(from..to, bottom..top)?;
    plot.configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .x_labels(8)
        .y_labels(5)
        .x_label_formatter(&|at| {
            DateTime::from_timestamp(*at, 0)
                .map_or_else(String::new, |at| at.format(format).to_string())
        })
        .y_label_formatter(&|value| short(*value))
        .draw()?;
    if let Some(threshold) = chart.threshold {
        let ends = [(from, threshold), (to, threshold)];
        plot.draw_series(DashedLineSeries::new(ends, 6, 4, THRESHOLD.stroke_width(1)))?;
    }
    for (index, mark) in chart.marks.iter().enumerate() {
        let at = mark.at.timestamp();
        let ends = [(at, bottom), (at, top)];
        plot.draw_series(DashedLineSeries::new(ends, 2, 3, MARK.stroke_width(1)))?;
        let number = Text::new(
            (index + 1).to_string(),
            (at, top),
            ("sans-serif", 12).into_font().color(&MARK),
        );
        plot.draw_series(std::iter::once(number))?;
    }
    let points = chart.points.iter().copied();
    plot.draw_series(LineSeries::new(points, LINE.stroke_width(2)))?;
    area.present()?;
    Ok(())
}

/// A number that fits beside an axis.
fn short(value: f64) -> String {
    let size = value.abs();
    let (divisor, unit) = match size {
        1e12.. => (1e12, "T"),
        1e9.. => (1e9, "G"),
        1e6.. => (1e6, "M"),
        1e4.. => (1e3, "k"),
        _ => (1.0, ""),
    };
    let scaled = value / divisor;
    let text = if scaled.abs() >= 100.0 || scaled.fract() == 0.0 {
        format!("{scaled:.0}")
    } else if scaled.abs() >= 1.0 {
        format!("{scaled:.1}")
    } else {
        format!("{scaled:.3}")
    };
    format!("{text}{unit}")
}
