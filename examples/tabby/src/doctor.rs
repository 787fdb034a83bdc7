//! `doctor`: examines a server.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tabbyapi::doctor::{Doctor, Report, Severity};
use tabbyapi::transport::{Reqwest, Transport};

use crate::args::{self, Args};
use crate::connect;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::Output;

/// The OpenAPI document of the operations that this program knows.
const DOCUMENT: &str = include_str!("../../../openapi.json");

pub async fn doctor(args: &Args, what: &args::Doctor, output: &Output, interrupt: &Interrupt) -> Result<(), Failure> {
    let report = {
        let work = examine(args, what, interrupt);
        tokio::select! {
            biased;
            () = interrupt.wait() => return Err(Failure::Interrupted),
            report = work => report?,
        }
    };
    match what.markdown {
        true => output.print(&report, Report::to_markdown)?,
        false => output.print(&report, Report::to_string)?,
    }
    match report.count(Severity::Error) {
        0 => Ok(()),
        errors => Err(Failure::Found(errors)),
    }
}

async fn examine(args: &Args, what: &args::Doctor, interrupt: &Interrupt) -> Result<Report, Failure> {
    let server = &args.server;
    let url = what.address.as_deref().or(server.url.as_deref()).unwrap_or(connect::DEFAULT_URL);
    let mut doctor = Doctor::new(url)?.generate(what.generate);
    let (api, admin) = connect::credentials(server).await?;
    if let Some(key) = api {
        doctor = doctor.api_key(key);
    }
    if let Some(key) = admin {
        doctor = doctor.admin_key(key);
    }
    if let Some(origin) = &what.origin {
        doctor = doctor.origin(origin)?;
    }
    if let Some(seconds) = server.timeout {
        doctor = doctor.timeout(Duration::from_secs(seconds));
    }
    if what.drift.is_some() {
        let document = match what.document() {
            Some(path) => read(path)?,
            None => DOCUMENT.to_owned(),
        };
        doctor = doctor.document(&document)?;
    }
    if let Some(path) = &server.replay {
        // A recording has the time of another day.
        return run(&doctor, &connect::replayed(path, interrupt)?).await;
    }
    if let Ok(now) = SystemTime::now().duration_since(UNIX_EPOCH) {
        doctor = doctor.wall_clock(now);
    }
    let transport = Reqwest::new(Default::default())?;
    match &server.record {
        Some(path) => {
            connect::not_used_twice(args, path)?;
            run(&doctor, &connect::recorder(transport, path, interrupt)?).await
        }
        None => run(&doctor, &transport).await,
    }
}

async fn run<T: Transport>(doctor: &Doctor, transport: &T) -> Result<Report, Failure> {
    Ok(doctor.run(transport).await)
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))
}
