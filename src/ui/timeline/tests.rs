use super::*;

/// A line of a stream, so many milliseconds after the beginning.
fn line(at: u32, kind: &str, fields: &str) -> String {
    format!(
        "{{\"@timestamp\":\"2026-11-27T12:00:{:02}.{:03}Z\",\"type\":\"{kind}\"{fields}}}\n",
        at / 1000,
        at % 1000
    )
}

/// The address of a node, as JSON.
fn address(node: &str) -> Value {
    format!("image.m.{node}").into()
}

fn start(at: u32, node: &str, after: Option<&str>) -> String {
    let after = after.map(|one| format!(",\"after\":{{\"address\":{},\"half\":\"open\"}}", address(one)));
    let fields = format!(",\"address\":{},\"half\":\"open\",\"summary\":\"do\"", address(node));
    line(at, "node_started", &(fields + &after.unwrap_or_default()))
}

fn done(at: u32, node: &str) -> String {
    let fields = format!(",\"address\":{},\"half\":\"open\",\"elapsed\":\"0s\"", address(node));
    line(at, "node_done", &fields)
}

/// `b` waits for `a`; `c` is longer than `a` but ends before `b`.
fn stream() -> String {
    let head =
        "{\"type\":\"version\",\"bake\":\"0.1.0\"}\n".to_owned() + &line(0, "started", ",\"run\":\"r\",\"nodes\":3");
    [
        head,
        start(0, "volume[\"a\"]", None),
        start(0, "volume[\"c\"]", None),
        done(1000, "volume[\"a\"]"),
        start(1000, "volume[\"b\"]", Some("volume[\"a\"]")),
        done(2000, "volume[\"c\"]"),
        done(4000, "volume[\"b\"]"),
    ]
    .concat()
}

#[test]
fn the_critical_path_is_what_the_whole_time_hung_on() {
    let stream = stream();
    assert!(is_stream(stream.as_bytes()) && !is_stream(b"{\"bake_plan\":1}\n"));
    let timeline = read(stream.as_bytes(), "e").expect("a stream");
    assert_eq!(timeline.took, Duration::seconds(4));
    let names: Vec<_> = timeline.critical.iter().map(|at| timeline.bars[*at].name()).collect();
    assert_eq!(names, ["image.m.volume[\"a\"]", "image.m.volume[\"b\"]"]);
    let sum: std::time::Duration = timeline
        .critical
        .iter()
        .map(|at| timeline.bars[*at].took().as_std())
        .sum();
    assert_eq!(sum, timeline.took.as_std());
}

#[test]
fn what_is_cut_off_is_shown_as_that_and_what_is_no_stream_is_refused() {
    let stream = stream();
    let cut = stream.len() - 30;
    let timeline = read(&stream.as_bytes()[..cut], "e").expect("a stream that was cut off");
    assert_eq!(timeline.bars[2].end, End::Open);
    assert!(html(&timeline).contains("1 cut off") && text(&timeline, "e").contains(", cut off"));
    let wrong = read(format!("{stream}nonsense\n").as_bytes(), "e").expect_err("a line that is no event");
    assert_eq!(wrong.summary, "line 9 of e is no event of an apply");
    let empty = stream.lines().next().expect("a line").to_owned() + "\n";
    assert_eq!(
        read(empty.as_bytes(), "e").expect_err("nothing begun").summary,
        "in e no apply has begun"
    );
}

#[test]
fn a_stream_that_leads_round_in_circles_ends() {
    let circle = stream().replace(
        &start(0, "volume[\"a\"]", None),
        &start(0, "volume[\"a\"]", Some("volume[\"b\"]")),
    );
    assert_eq!(read(circle.as_bytes(), "e").expect("a stream").critical.len(), 2);
}
