//! Deadlines, each of which closes the connection, and waits that are longer than a timer can be.

use std::time::Duration;

use futures::future::{Either, select};
use tabbyapi::{Error, ErrorKind, Options, Outcome, Phase, Timeouts};

use super::host::{ask, client, logged, odd, sleep, until_logged};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[track_caller]
fn assert_timeout(error: &Error, phase: Phase) {
    assert!(error.is_timeout(), "{error}");
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Some(phase)), "{error}");
}

#[test]
async fn no_head() {
    let (client, path) = odd("silent");
    let impatient = client.with(Options::new().timeouts(Timeouts::UNBOUNDED.head(ms(150))));
    let begun = client.clock().now();
    assert_timeout(&impatient.models().current().await.unwrap_err(), Phase::Head);
    let took = client.clock().now().since(begun);
    assert!((ms(145)..ms(5000)).contains(&took), "{took:?}");
    until_logged(&client, &format!("disconnect GET {path}"), 1).await;
}

#[test]
async fn a_stall() {
    const GONE: &str = "disconnect POST /v1/chat/completions";
    let client = client().await;
    let before = logged(GONE).await;
    let impatient = client.with(Options::new().timeouts(Timeouts::UNBOUNDED.idle(ms(200))));
    let stream = impatient.chat().stream(&ask(r#"[[fake:{"reply":"one two three","stall_after":3}]]"#));
    let broken = stream.finish().await.unwrap_err();
    assert_timeout(&broken.error, Phase::Idle);
    assert_eq!(broken.outcome, Outcome::IdleTimeout);
    assert!(!broken.partial.text().is_empty());
    until_logged(&client, GONE, before + 1).await;
}

#[test]
async fn no_first_item() {
    let client = client().await;
    let impatient = client.with(Options::new().timeouts(Timeouts::UNBOUNDED.first_item(ms(200))));
    let stream = impatient.chat().stream(&ask(r#"[[fake:{"prefill_delay_ms":3000}]]"#));
    assert_timeout(&stream.finish().await.unwrap_err().error, Phase::FirstItem);
}

#[test]
async fn the_whole_call() {
    let client = client().await;
    let impatient = client.with(Options::new().timeouts(Timeouts::UNBOUNDED.total(ms(300))));
    let stream = impatient.chat().stream(&ask(r#"[[fake:{"reply":"on and on and on and on and on","delay_ms":100}]]"#));
    let broken = stream.finish().await.unwrap_err();
    assert_timeout(&broken.error, Phase::Total);
    assert!(!broken.partial.text().is_empty());
}

#[test]
async fn a_call_that_is_dropped_before_its_head() {
    let (client, path) = odd("silent");
    {
        let models = client.models();
        let call = std::pin::pin!(models.current().into_future());
        assert!(matches!(select(call, client.clock().sleep(ms(200))).await, Either::Right(_)), "nobody answers");
    }
    until_logged(&client, &format!("disconnect GET {path}"), 1).await;
}

#[test]
async fn waits_longer_than_a_timer_can_be() {
    // Hosts take what does not fit into 31 bits for nothing, or for a millisecond.
    let client = client().await;
    for days in [25, 50, 365, 100_000] {
        let long = client.clock().sleep(Duration::from_secs(days * 86_400));
        assert!(matches!(select(long, client.clock().sleep(ms(40))).await, Either::Right(_)), "{days} days were over");
    }
    assert!(matches!(
        select(client.clock().sleep(Duration::MAX), client.clock().sleep(ms(40))).await,
        Either::Right(_)
    ));

    let (slow, _) = odd("slow");
    let day = Duration::from_secs(86_400);
    let patient = Timeouts::UNBOUNDED.head(30 * day).idle(60 * day).total(1000 * day);
    assert_eq!(slow.with(Options::new().timeouts(patient)).models().current().await.unwrap().id, "alpha");
}

#[test]
async fn a_clock_that_goes_on() {
    let client = client().await;
    let before = client.clock().now();
    sleep(&client, 50).await;
    let passed = client.clock().now().since(before);
    assert!((ms(49)..ms(3000)).contains(&passed), "{passed:?}");
    sleep(&client, 0).await;
}
