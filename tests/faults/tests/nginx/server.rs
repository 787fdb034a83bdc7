//! nginx as a child process in front of an emulator, and certificates for it.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A certificate that signs itself.
#[derive(Clone)]
pub struct Certificate {
    pub pem: String,
    key: String,
}

impl Certificate {
    /// For this name.
    pub fn of(name: &str) -> Certificate {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        Certificate { pem: made.cert.pem(), key: made.signing_key.serialize_pem() }
    }
}

/// A running nginx. It dies with the test.
pub struct Nginx {
    pub port: u16,
    folder: PathBuf,
    child: Child,
}

impl Nginx {
    /// nginx in front of this server, or `None`, with a word to the reader, if there is none on this machine.
    ///
    /// `/tabby/` leads to the server without buffering, `/buffered/` with it, `/collected/` with it although the server forbids it.
    pub fn start(name: &str, upstream: SocketAddr, certificate: &Certificate) -> Option<Nginx> {
        if Command::new("nginx").arg("-v").stderr(Stdio::null()).status().is_err() {
            assert!(std::env::var_os("NGINX_REQUIRED").is_none(), "there is no nginx on this machine");
            println!("SKIPPED: there is no nginx on this machine");
            return None;
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("nginx-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("certificate.pem"), &certificate.pem).unwrap();
        fs::write(folder.join("key.pem"), &certificate.key).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        fs::write(folder.join("nginx.conf"), configuration(&folder, port, upstream)).unwrap();
        let child = command(&folder).args(["-g", "daemon off;"]).spawn().unwrap();
        let nginx = Nginx { port, folder, child };
        let end = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "nginx does not listen: {}", nginx.complaints());
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(nginx)
    }

    /// The base URL of what lies under this prefix.
    pub fn url(&self, prefix: &str) -> String {
        format!("https://localhost:{}/{prefix}", self.port)
    }

    /// Reads its configuration anew: new workers, while the old ones end what they have begun.
    pub fn reload(&self) {
        let status = command(&self.folder).args(["-s", "reload"]).status().unwrap();
        assert!(status.success(), "{}", self.complaints());
    }

    fn complaints(&self) -> String {
        fs::read_to_string(self.folder.join("error.log")).unwrap_or_default()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // In good order, for a killed master leaves its workers behind.
        let _ = command(&self.folder).args(["-s", "stop"]).status();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new("nginx");
    command.arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf"));
    command.arg("-e").arg(folder.join("error.log")).stdout(Stdio::null());
    command
}

fn configuration(folder: &Path, port: u16, upstream: SocketAddr) -> String {
    let folder = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("  {kind}_temp_path {folder}/{kind};\n"))
        .concat();
    let ignored = "on; proxy_ignore_headers X-Accel-Buffering";
    let location = |prefix: &str, buffering: &str| {
        format!(
            "    location /{prefix}/ {{ proxy_pass http://{upstream}/; proxy_buffering {buffering}; proxy_http_version 1.1; \
             proxy_set_header Connection ''; proxy_set_header X-Protocol $server_protocol; proxy_read_timeout 2s; }}\n"
        )
    };
    format!(
        "worker_processes 1;\npid {folder}/nginx.pid;\nevents {{}}\nhttp {{\n  access_log off;\n{temporary}  server {{\n    \
         listen 127.0.0.1:{port} ssl http2;\n    server_name localhost;\n    ssl_certificate {folder}/certificate.pem;\n    \
         ssl_certificate_key {folder}/key.pem;\n{}{}{}  }}\n}}\n",
        location("tabby", "off"),
        location("buffered", "on"),
        location("collected", ignored),
    )
}
