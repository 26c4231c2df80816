import Foundation

/// What people run beside nginx: real daemons, each with its own configuration below a folder, all serving one
/// certificate.
package enum Services {
  /// Where Debian's packages put what the daemons load.
  private static let apacheModules = "/usr/lib/apache2/modules"

  /// Apache, on port 9443.
  package static func apache(in folder: String, at address: String, certificate: String, key: String) throws
    -> Running
  {
    try makeFolder(folder)
    try Files.write(
      folder + "/apache.conf",
      """
      ServerRoot \(folder)
      PidFile \(folder)/apache.pid
      ServerName one.example
      LoadModule mpm_event_module \(apacheModules)/mod_mpm_event.so
      LoadModule authz_core_module \(apacheModules)/mod_authz_core.so
      LoadModule ssl_module \(apacheModules)/mod_ssl.so
      User www-data
      Group www-data
      ErrorLog \(folder)/apache.log
      DocumentRoot \(folder)
      Mutex pthread
      Listen \(address):9443 https
      SSLEngine on
      SSLCertificateFile \(certificate)
      SSLCertificateKeyFile \(key)

      """)
    return try start("apache2", ["-f", folder + "/apache.conf", "-DFOREGROUND"], in: folder)
  }

  /// HAProxy's master and its worker, on port 10443; the master's number is in `haproxy.pid`.
  package static func haproxy(in folder: String, at address: String, combined: String) throws -> Running {
    try makeFolder(folder)
    try Files.write(
      folder + "/haproxy.cfg",
      """
      defaults
        mode http
        timeout client 5s
        timeout server 5s
        timeout connect 5s
      frontend tls
        bind \(address):10443 ssl crt \(combined)
        http-request return status 200

      """)
    let master = try start("haproxy", ["-W", "-f", folder + "/haproxy.cfg"], in: folder)
    try Files.write(folder + "/haproxy.pid", "\(master.id)\n")
    return master
  }

  /// Postfix with STARTTLS, on port 2525.
  package static func postfix(in folder: String, at address: String, certificate: String, key: String) throws
    -> Running
  {
    for name in ["queue", "data"] { try makeFolder(folder + "/" + name) }
    guard let owner = getpwnam("postfix") else { throw Program.Failed("there is no user postfix") }
    chown(folder + "/data", owner.pointee.pw_uid, owner.pointee.pw_gid)
    try Files.write(
      folder + "/main.cf",
      """
      compatibility_level = 3.6
      queue_directory = \(folder)/queue
      data_directory = \(folder)/data
      command_directory = /usr/sbin
      daemon_directory = /usr/lib/postfix/sbin
      mail_owner = postfix
      setgid_group = postdrop
      myhostname = one.example
      inet_interfaces = loopback-only
      inet_protocols = ipv4
      alias_maps =
      local_recipient_maps =
      smtpd_tls_security_level = may
      smtpd_tls_chain_files = \(key), \(certificate)
      maillog_file = \(folder)/postfix.log
      maillog_file_prefixes = \(folder)

      """)
    try Files.write(
      folder + "/master.cf",
      """
      \(address):2525 inet n - n - - smtpd
      rewrite unix - - n - - trivial-rewrite
      cleanup unix n - n - 0 cleanup
      qmgr unix n - n 300 1 qmgr
      tlsmgr unix - - n 1000? 1 tlsmgr
      anvil unix - - n - 1 anvil
      postlog unix-dgram n - n - 1 postlogd

      """)
    // What start-fg starts does not end with it.
    let script = "trap 'postfix -c \"$1\" stop' TERM; postfix -c \"$1\" start-fg & wait; wait"
    return try start("sh", ["-c", script, "postfix", folder], in: folder)
  }

  /// Dovecot with STARTTLS: IMAP on port 1143, POP3 on 1110.
  package static func dovecot(in folder: String, at address: String, certificate: String, key: String) throws
    -> Running
  {
    for name in ["run", "state"] { try makeFolder(folder + "/" + name) }
    func listener(_ service: String, _ port: Int) -> String {
      """
      service \(service)-login {
        inet_listener \(service) {
          port = \(port)
        }
        inet_listener \(service)s {
          port = 0
        }
      }
      """
    }
    try Files.write(
      folder + "/dovecot.conf",
      """
      base_dir = \(folder)/run
      state_dir = \(folder)/state
      log_path = \(folder)/dovecot.log
      listen = \(address)
      protocols = imap pop3
      ssl = yes
      ssl_cert = <\(certificate)
      ssl_key = <\(key)
      \(listener("imap", 1143))
      \(listener("pop3", 1110))
      passdb {
        driver = static
      }

      """)
    return try start("dovecot", ["-F", "-c", folder + "/dovecot.conf"], in: folder)
  }

  /// OpenLDAP with StartTLS, on port 3389.
  package static func slapd(in folder: String, at address: String, certificate: String, key: String) throws
    -> Running
  {
    try makeFolder(folder)
    try Files.write(
      folder + "/slapd.conf",
      """
      pidfile \(folder)/slapd.pid
      TLSCertificateFile \(certificate)
      TLSCertificateKeyFile \(key)

      """)
    return try start(
      "slapd", ["-h", "ldap://\(address):3389", "-f", folder + "/slapd.conf", "-d", "0"], in: folder)
  }

  /// Prosody with STARTTLS for clients, on port 5322.
  package static func prosody(in folder: String, at address: String, certificate: String, key: String) throws
    -> Running
  {
    try makeFolder(folder + "/data")
    try Files.write(
      folder + "/prosody.cfg.lua",
      """
      run_as_root = true
      pidfile = "\(folder)/prosody.pid"
      data_path = "\(folder)/data"
      interfaces = { "\(address)" }
      c2s_ports = { 5322 }
      modules_enabled = { "tls", "saslauth" }
      modules_disabled = { "s2s" }
      ssl = { certificate = "\(certificate)", key = "\(key)" }
      VirtualHost "one.example"

      """)
    return try start("prosody", ["--config", folder + "/prosody.cfg.lua", "-F"], in: folder)
  }

  /// PostgreSQL with TLS, on port 5532. It refuses to be root's, so all that it reads is its own user's.
  package static func postgres(in folder: String, at address: String, certificate: String, key: String)
    async throws
    -> Running
  {
    try makeFolder(folder)
    let versions = try FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql").sorted()
    guard let newest = versions.last else {
      throw Program.Failed("postgresql is not installed; run: make packages")
    }
    let programs = "/usr/lib/postgresql/\(newest)/bin"
    let script = """
      install -o postgres -m 600 '\(certificate)' '\(folder)/cert.pem'; install -o postgres -m 600 '\(key)' '\(folder)/key.pem'
      install -d -o postgres -m 700 '\(folder)/db'; cd '\(folder)'
      as="setpriv --reuid=postgres --regid=postgres --init-groups --"
      $as \(programs)/initdb -D '\(folder)/db' -N >/dev/null && exec $as \(programs)/postgres -D '\(folder)/db' -p 5532 -h \(address) \
        -k '\(folder)/db' -c ssl=on -c ssl_cert_file='\(folder)/cert.pem' -c ssl_key_file='\(folder)/key.pem'
      """
    return try start("sh", ["-c", script], in: folder)
  }

  /// A folder that the daemon's own user can walk through, whatever this process's mask is.
  static func makeFolder(_ path: String) throws {
    try Files.makeFolder(path)
    chmod(path, 0o755)
  }

  static func start(_ program: String, _ arguments: [String], in folder: String) throws -> Running {
    try Running(
      "/bin/sh", ["-c", "umask 022; exec \"$@\"", "sh", try Program.find(program)] + arguments,
      stdout: folder + "/out", stderr: folder + "/out")
  }
}
