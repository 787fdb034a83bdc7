//! The emulator as a program: `cargo run -p tabbyapi-emulator -- --port 5000`.

use std::error::Error;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use tabbyapi_emulator::tabbyml::{TabbyMl, TabbyMlBuilder};
use tabbyapi_emulator::{Emulator, EmulatorBuilder, ModelSpec};

const USAGE: &str = "\
A TabbyAPI server for demos and tests.

Usage: tabbyapi-emulator [OPTIONS]

  --dialect DIALECT            tabbyapi (default), or tabbyml: TabbyML/tabby, with the options --port (default 8080), --token TOKEN,
                               --registration-token TOKEN, --no-webserver, --no-models, --rate-limit REQUESTS (per minute),
                               --token-delay-ms and --log only
  --port PORT                  port of 127.0.0.1 to listen on (default 5000; 0: any)
  --api-key KEY                the API key
  --admin-key KEY              the admin key
  --no-auth                    every caller is an admin
  --model NAME                 a model in the model directory; the first one is loaded; can be repeated
  --token-delay-ms MS          time that each token takes (default 30)
  --load-delay-ms MS           time that each module of a load takes (default 200)
  --ping-seconds S             time between pings of a stream (default 15; 0: none)
  --embedding-dimension N      dimension of embeddings (default 384)
  --download-delay-ms MS       time that a download takes (default 2000)
  --tokens-per-chunk N         tokens in one event of a stream (default 1; with the real engine about 3)
  --inline-loading             a request that names another model loads it
  --usage-details              usage with prompt_tokens_details and completion_tokens_details
  --upcoming                   changes proposed for the server: role, tool calls in pieces, timings
  --loras-work                 apply LoRA adapters, as older servers did
  --keep-alive-ms MS           how long a connection may be idle (default 5000)
  --close-after-500-ms MS      time from a response with status 500 to the end of its connection (default 45 to 65; none: kept open)
  --request-log FILE           append each request to this file, as a line of JSON
  --kobold                     serve the Kobold routes, whose generation is broken on the server
  --kobold-fixed               serve the Kobold routes, including generation
  --disable-request-streaming  answer requests for streams with plain JSON
  --log                        print a line for each request, and for each client that disconnects
  --help                       print this";

fn main() -> ExitCode {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    match dialect(&mut args).as_deref() {
        None | Some("tabbyapi") => {}
        Some("tabbyml") => return serve_tabbyml(args),
        Some(other) => {
            eprintln!("unknown dialect {other}: use tabbyapi or tabbyml (--help lists the options)");
            return ExitCode::FAILURE;
        }
    }
    serve(configure(args.into_iter()), |(builder, log)| {
        let emulator = builder.start()?;
        println!("TabbyAPI emulator on {}", emulator.url());
        println!("  API key    {}", emulator.api_key());
        println!("  admin key  {}", emulator.admin_key());
        println!("  model      {}", emulator.loaded_model().as_deref().unwrap_or("none"));
        if log {
            tell(&emulator);
        }
        Ok(emulator)
    })
}

/// Starts a server and keeps it running, or prints help or an error.
fn serve<B, S>(configured: Result<Option<B>, String>, start: impl FnOnce(B) -> Result<S, Box<dyn Error>>) -> ExitCode {
    match configured {
        Ok(Some(builder)) => match start(builder) {
            Ok(_server) => loop {
                thread::park();
            },
            Err(error) => eprintln!("The emulator did not start: {error} (--port PORT)."),
        },
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(message) => eprintln!("{message} (--help lists the options)"),
    }
    ExitCode::FAILURE
}

/// Removes the dialect from the arguments.
fn dialect(args: &mut Vec<String>) -> Option<String> {
    let at = args.iter().position(|arg| arg == "--dialect" || arg.starts_with("--dialect="))?;
    match args.remove(at).split_once('=') {
        Some((_, dialect)) => Some(dialect.to_owned()),
        None if at < args.len() => Some(args.remove(at)),
        None => Some(String::new()),
    }
}

fn serve_tabbyml(mut args: Vec<String>) -> ExitCode {
    let count = args.len();
    args.retain(|arg| arg != "--log");
    let log = args.len() < count;
    serve(configure_tabbyml(args.into_iter()), |builder| {
        let server = builder.start()?;
        println!("TabbyML emulator on {}", server.url());
        println!("  token               {}", server.token());
        println!("  registration token  {}", server.registration_token());
        if log {
            tell_requests(&server);
        }
        Ok(server)
    })
}

/// Prints requests as they arrive.
fn tell_requests(server: &TabbyMl) -> ! {
    let mut seen = 0;
    loop {
        for request in server.requests().iter().skip(seen) {
            println!("request {} {}", request.method, request.path);
            seen += 1;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Splits an option from the value that is attached to it.
fn split(arg: String) -> (String, Option<String>) {
    match arg.split_once('=') {
        Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
        None => (arg, None),
    }
}

/// Returns the builder. `None` if help was requested.
fn configure_tabbyml(mut args: impl Iterator<Item = String>) -> Result<Option<TabbyMlBuilder>, String> {
    let mut builder = TabbyMl::builder().port(8080).token_delay(Duration::from_millis(30));
    while let Some(arg) = args.next() {
        let (flag, attached) = split(arg);
        let mut value = || attached.clone().or_else(|| args.next()).ok_or_else(|| format!("{flag} requires a value"));
        builder = match flag.as_str() {
            "--help" | "-h" => return Ok(None),
            "--port" => builder.port(number(&flag, &value()?)?),
            "--token" => builder.token(value()?),
            "--registration-token" => builder.registration_token(value()?),
            "--no-webserver" => builder.no_webserver(),
            "--no-models" => builder.no_models(),
            "--rate-limit" => builder.rate_limit(number(&flag, &value()?)?),
            "--token-delay-ms" => builder.token_delay(Duration::from_millis(number(&flag, &value()?)?)),
            _ => return Err(format!("there is no option {flag} for this dialect")),
        };
    }
    Ok(Some(builder))
}

/// Prints the log as it grows.
fn tell(emulator: &Emulator) -> ! {
    let (mut requests, mut disconnects) = (0, 0);
    loop {
        let log = emulator.log();
        for request in log.requests.iter().skip(requests) {
            println!("request {} {}", request.method, request.path);
        }
        for gone in log.disconnects.iter().skip(disconnects) {
            println!("disconnect {} {} after {} events", gone.method, gone.path, gone.events_sent);
        }
        (requests, disconnects) = (log.requests.len(), log.disconnects.len());
        thread::sleep(Duration::from_millis(20));
    }
}

/// Returns the builder, and whether to print a log. `None` if help was requested.
fn configure(mut args: impl Iterator<Item = String>) -> Result<Option<(EmulatorBuilder, bool)>, String> {
    let mut log = false;
    let mut builder = Emulator::builder()
        .port(5000)
        .token_delay(Duration::from_millis(30))
        .load_delay(Duration::from_millis(200))
        .download_delay(Duration::from_secs(2));
    while let Some(arg) = args.next() {
        let (flag, attached) = split(arg);
        let mut value = || {
            let value = attached.clone().or_else(|| args.next());
            value.ok_or_else(|| format!("{flag} requires a value"))
        };
        builder = match flag.as_str() {
            "--help" | "-h" => return Ok(None),
            "--port" => builder.port(number(&flag, &value()?)?),
            "--api-key" => builder.api_key(value()?),
            "--admin-key" => builder.admin_key(value()?),
            "--no-auth" => builder.no_auth(),
            "--model" => builder.model(ModelSpec::new(value()?)),
            "--token-delay-ms" => builder.token_delay(Duration::from_millis(number(&flag, &value()?)?)),
            "--load-delay-ms" => builder.load_delay(Duration::from_millis(number(&flag, &value()?)?)),
            "--ping-seconds" => {
                let seconds = number(&flag, &value()?)?;
                let interval = Duration::try_from_secs_f64(seconds);
                builder.ping_interval(interval.map_err(|_| format!("{flag} requires a time"))?)
            }
            "--embedding-dimension" => builder.embedding_dimension(number(&flag, &value()?)?),
            "--download-delay-ms" => builder.download_delay(Duration::from_millis(number(&flag, &value()?)?)),
            "--keep-alive-ms" => builder.keep_alive(Duration::from_millis(number(&flag, &value()?)?)),
            "--close-after-500-ms" => match value()?.as_str() {
                "none" => builder.keep_open_after_500(),
                text => {
                    let delay = Duration::from_millis(number(&flag, text)?);
                    builder.close_after_500(delay..=delay)
                }
            },
            "--request-log" => builder.request_log(value()?),
            "--tokens-per-chunk" => builder.tokens_per_chunk(number(&flag, &value()?)?),
            "--inline-loading" => builder.inline_model_loading(true),
            "--usage-details" => builder.usage_details(true),
            "--upcoming" => builder.upcoming(true),
            "--loras-work" => builder.loras_work(true),
            "--log" => {
                log = true;
                builder
            }
            "--kobold" => builder.kobold(true),
            "--kobold-fixed" => builder.kobold_fixed(true),
            "--disable-request-streaming" => builder.disable_request_streaming(true),
            _ => return Err(format!("There is no option {flag}")),
        };
    }
    Ok(Some((builder, log)))
}

fn number<T: std::str::FromStr>(flag: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{flag} requires a number, not {text:?}"))
}
