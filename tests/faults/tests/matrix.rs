//! Each kind of fault, for each kind of call, with either client: how the call ends, what had arrived, what reached the
//! server, and that the next call works.

use std::ops::RangeInclusive;
use std::time::Duration;

use tabbyapi::{ErrorKind, Phase};
use tabbyapi_emulator::Emulator;
use tabbyapi_faults::{At, Fault, LONG, Op, Proxy, SHORT, Seen, Subject, Then};

/// What a call is to come to.
#[derive(Debug)]
struct Expect {
    error: Option<ErrorKind>,
    phase: Option<Phase>,
    arrived: &'static str,
    attempts: RangeInclusive<u32>,
    requests: RangeInclusive<usize>,
}

/// It succeeds, with so many attempts, of which so many reached the server.
fn succeeds(op: Op, attempts: u32, requests: usize) -> Expect {
    let arrived = match op {
        Op::Read => "alpha-7B-exl3",
        Op::Generate | Op::Stream => "One two three",
        Op::Load => "6",
        Op::Next => "admin",
    };
    Expect { error: None, phase: None, arrived, attempts: attempts..=attempts, requests: requests..=requests }
}

/// It fails at its first attempt, with what had arrived.
fn fails(error: ErrorKind, arrived: &'static str, requests: usize) -> Expect {
    Expect { error: Some(error), phase: None, arrived, attempts: 1..=1, requests: requests..=requests }
}

fn times_out(phase: Phase, requests: usize) -> Expect {
    Expect { phase: Some(phase), ..fails(ErrorKind::Timeout, "", requests) }
}

#[track_caller]
fn check(
    name: &str,
    limit: Duration,
    setup: impl Fn() -> Emulator + Sync,
    fault: impl Fn(Op) -> Fault + Sync,
    expect: impl Fn(Op, &Seen) -> Expect + Sync,
) {
    // With short deadlines a slow machine may cost the next call an attempt.
    check_and_next(name, limit, setup, fault, expect, limit != SHORT);
}

/// Whether the call after the one with the fault is `sure` to need one attempt.
#[track_caller]
fn check_and_next(
    name: &str,
    limit: Duration,
    setup: impl Fn() -> Emulator + Sync,
    fault: impl Fn(Op) -> Fault + Sync,
    expect: impl Fn(Op, &Seen) -> Expect + Sync,
    sure: bool,
) {
    // Side by side, for some wait for a deadline.
    std::thread::scope(|scope| {
        for op in Op::ALL {
            for blocking in [false, true] {
                let (setup, fault, expect) = (&setup, &fault, &expect);
                scope.spawn(move || {
                    let what = format!("{name}, {op:?}, blocking: {blocking}");
                    let next = check_one(&what, limit, &setup(), fault(op), op, blocking, expect);
                    assert_eq!(next.error, None, "{what}, the next call: {next:?}");
                    assert!(next.attempts == 1 || !sure, "{what}, the next call: {next:?}");
                });
            }
        }
    });
}

fn check_one(
    what: &str,
    limit: Duration,
    server: &Emulator,
    fault: Fault,
    op: Op,
    blocking: bool,
    expect: &impl Fn(Op, &Seen) -> Expect,
) -> Seen {
    let proxy = Proxy::start(server.addr()).unwrap();
    let [asynchronous, synchronous] = Subject::both(&proxy.url(), limit).unwrap();
    let subject = if blocking { synchronous } else { asynchronous };
    proxy.next(fault);
    let seen = subject.run(op);
    let expect = expect(op, &seen);
    let requests = server.requests().iter().filter(|request| request.path == op.path()).count();
    assert_eq!((seen.error, seen.phase), (expect.error, expect.phase), "{what}: {seen:?}");
    assert_eq!(seen.arrived, expect.arrived, "{what}: {seen:?}");
    assert!(expect.attempts.contains(&seen.attempts), "{what}: {seen:?}, not {:?} attempts", expect.attempts);
    assert!(expect.requests.contains(&requests), "{what}: {requests} requests, not {:?}", expect.requests);
    subject.run(Op::Next)
}

fn plain() -> Emulator {
    Emulator::builder().start().unwrap()
}

/// Some place in the middle of the answer's content.
fn middle(op: Op) -> At {
    At::After(match op {
        Op::Read | Op::Next => "alpha-7B",
        Op::Generate | Op::Stream => " tw",
        Op::Load => "\"module\":3",
    })
}

#[test]
fn a_request_that_is_cut_is_sent_again_only_if_it_is_a_read() {
    for then in [Then::Close, Then::Reset] {
        check(
            "cut in the request",
            LONG,
            plain,
            |_| Fault::in_request(At::Byte(40), then),
            |op, _| match op {
                Op::Read => succeeds(op, 2, 1),
                _ => fails(ErrorKind::Transport, "", 0),
            },
        );
    }
}

#[test]
fn a_connection_that_ends_at_once_is_reported_from_one_that_was_written_to() {
    for then in [Then::Close, Then::Reset] {
        // Whether something was written before the end was seen is a race; it may only be sent again if nothing was.
        check(
            "closed at once",
            LONG,
            plain,
            |_| Fault::in_request(At::Byte(0), then),
            |op, seen| match (op, seen.error) {
                (Op::Read, _) | (_, None) => succeeds(op, 2, 1),
                _ => fails(ErrorKind::Transport, "", 0),
            },
        );
    }
}

#[test]
fn a_request_that_is_swallowed_times_out() {
    check(
        "swallowed",
        SHORT,
        plain,
        |_| Fault::in_request(At::Byte(0), Then::Hold),
        |op, _| match op {
            Op::Read => succeeds(op, 2, 1),
            _ => times_out(Phase::Head, 0),
        },
    );
}

#[test]
fn an_answer_that_is_swallowed_times_out() {
    check(
        "half-open",
        SHORT,
        plain,
        |_| Fault::in_answer(At::Byte(1), Then::Hold),
        |op, _| match op {
            Op::Read => succeeds(op, 2, 2),
            _ => times_out(Phase::Head, 1),
        },
    );
}

#[test]
fn a_head_that_is_cut_is_no_answer() {
    for then in [Then::Close, Then::Reset] {
        check(
            "cut in the head",
            LONG,
            plain,
            |_| Fault::in_answer(At::Byte(20), then),
            |op, _| match op {
                Op::Read => succeeds(op, 2, 2),
                _ => fails(ErrorKind::Transport, "", 1),
            },
        );
    }
}

#[test]
fn a_head_alone_is_a_truncated_answer() {
    for then in [Then::Close, Then::Reset] {
        check(
            "closed after the head",
            LONG,
            plain,
            |_| Fault::in_answer(At::After("\r\n\r\n"), then),
            |op, _| match op {
                Op::Read => succeeds(op, 2, 2),
                _ => fails(ErrorKind::Truncated, "", 1),
            },
        );
    }
    check(
        "held after the head",
        SHORT,
        plain,
        |_| Fault::in_answer(At::After("\r\n\r\n"), Then::Hold),
        |op, _| match op {
            Op::Read => succeeds(op, 2, 2),
            _ => times_out(Phase::Idle, 1),
        },
    );
}

#[test]
fn what_had_arrived_is_kept() {
    let arrived = |op| match op {
        Op::Stream => "One",
        Op::Load => "2",
        _ => "",
    };
    for then in [Then::Close, Then::Reset] {
        check(
            "cut in the body",
            LONG,
            plain,
            |op| Fault::in_answer(middle(op), then),
            |op, _| match op {
                Op::Read => succeeds(op, 2, 2),
                _ => fails(ErrorKind::Truncated, arrived(op), 1),
            },
        );
    }
    check(
        "held in the body",
        SHORT,
        plain,
        |op| Fault::in_answer(middle(op), Then::Hold),
        |op, _| match op {
            Op::Read => succeeds(op, 2, 2),
            _ => Expect { arrived: arrived(op), ..times_out(Phase::Idle, 1) },
        },
    );
}

#[test]
fn slow_lines_are_no_fault() {
    check("byte by byte", LONG, plain, |_| Fault::trickle(1), |op, _| succeeds(op, 1, 1));
    check("in pieces", LONG, plain, |_| Fault::trickle(7), |op, _| succeeds(op, 1, 1));
    check("late", LONG, plain, |_| Fault::delay(Duration::from_millis(100)), |op, _| succeeds(op, 1, 1));
}

#[test]
fn a_length_that_is_wrong_is_noticed() {
    // Streams have none.
    check(
        "too long, and open",
        SHORT,
        plain,
        |_| Fault::lie(10),
        |op, _| match op {
            Op::Read => succeeds(op, 2, 2),
            Op::Generate => times_out(Phase::Idle, 1),
            _ => succeeds(op, 1, 1),
        },
    );
    let brisk = || Emulator::builder().keep_alive(Duration::from_millis(20)).start().unwrap();
    // The next call may meet the very moment at which that server closes its connection.
    check_and_next(
        "too long, and closed",
        LONG,
        brisk,
        |_| Fault::lie(10),
        |op, _| match op {
            Op::Read => succeeds(op, 2, 2),
            Op::Generate => fails(ErrorKind::Truncated, "", 1),
            _ => succeeds(op, 1, 1),
        },
        false,
    );
    // What is left over must not be taken for the next answer.
    check(
        "too short",
        LONG,
        plain,
        |_| Fault::lie(-10),
        |op, _| match op {
            Op::Read | Op::Generate => fails(ErrorKind::Decode, "", 1),
            _ => succeeds(op, 1, 1),
        },
    );
}
