import Foundation

/// Further daemons that people run, each with a ready-made hook.
extension Services {
  /// lighttpd, on port 11443; its number is in `lighttpd.pid`.
  package static func lighttpd(in folder: String, at address: String, certificate: String, key: String) throws
    -> Running
  {
    try makeFolder(folder)
    try Files.write(
      folder + "/lighttpd.conf",
      """
      server.document-root = "\(folder)"
      server.bind = "\(address)"
      server.port = 11443
      server.pid-file = "\(folder)/lighttpd.pid"
      server.errorlog = "\(folder)/lighttpd.log"
      server.modules = ("mod_openssl")
      ssl.engine = "enable"
      ssl.pemfile = "\(certificate)"
      ssl.privkey = "\(key)"

      """)
    return try start("lighttpd", ["-D", "-f", folder + "/lighttpd.conf"], in: folder)
  }

  /// stunnel, on port 12443; its number is in `stunnel.pid`.
  package static func stunnel(in folder: String, at address: String, certificate: String, key: String) throws
    -> Running
  {
    try makeFolder(folder)
    try Files.write(
      folder + "/stunnel.conf",
      """
      foreground = yes
      pid = \(folder)/stunnel.pid
      output = \(folder)/stunnel.log
      [web]
      accept = \(address):12443
      connect = \(address):8443
      cert = \(certificate)
      key = \(key)

      """)
    return try start("stunnel4", [folder + "/stunnel.conf"], in: folder)
  }

  /// Mosquitto, on port 8883; its number is in `mosquitto.pid`.
  package static func mosquitto(in folder: String, at address: String, certificate: String, key: String)
    throws
    -> Running
  {
    try makeFolder(folder)
    try Files.write(
      folder + "/mosquitto.conf",
      """
      user root
      pid_file \(folder)/mosquitto.pid
      log_dest file \(folder)/mosquitto.log
      listener 8883 \(address)
      certfile \(certificate)
      keyfile \(key)
      allow_anonymous true

      """)
    return try start("mosquitto", ["-c", folder + "/mosquitto.conf"], in: folder)
  }

  /// Redis, with TLS on port 6390 and without on 6389.
  package static func redis(in folder: String, at address: String, certificate: String, key: String) throws
    -> Running
  {
    try makeFolder(folder)
    return try start(
      "redis-server",
      [
        "--bind", address, "--port", "6389", "--tls-port", "6390", "--tls-cert-file", certificate,
        "--tls-key-file", key, "--tls-ca-cert-file", certificate, "--tls-auth-clients", "no", "--dir", folder,
        "--save", "", "--protected-mode", "no",
      ], in: folder)
  }

  /// MariaDB with TLS, on port 3390 and the socket `socket`.
  package static func mariadb(in folder: String, at address: String, certificate: String, key: String) throws
    -> Running
  {
    try makeFolder(folder)
    let script = """
      mariadb-install-db --no-defaults --user=root --datadir='\(folder)/db' --skip-test-db \
        --auth-root-authentication-method=normal >/dev/null && exec mariadbd --no-defaults --user=root \
        --datadir='\(folder)/db' --socket='\(folder)/socket' --bind-address=\(address) --port=3390 --pid-file='\(folder)/pid' \
        --ssl-cert='\(certificate)' --ssl-key='\(key)' --innodb-buffer-pool-size=16M --innodb-log-file-size=8M
      """
    return try start("sh", ["-c", script], in: folder)
  }

  /// ProFTPD with AUTH TLS, on port 2121; its number is in `proftpd.pid`.
  ///
  /// - Parameter kind: the key's, `EC` or `RSA`.
  package static func proftpd(
    in folder: String, at address: String, certificate: String, key: String, kind: String = "EC"
  ) throws -> Running {
    try makeFolder(folder)
    try Files.write(
      folder + "/proftpd.conf",
      """
      ModulePath /usr/lib/proftpd
      LoadModule mod_tls.c
      ServerType standalone
      UseIPv6 off
      DefaultAddress \(address)
      SocketBindTight on
      Port 2121
      PidFile \(folder)/proftpd.pid
      ScoreboardFile \(folder)/scoreboard
      SystemLog \(folder)/proftpd.log
      User nobody
      Group nogroup
      TLSEngine on
      TLSLog \(folder)/tls.log
      TLS\(kind)CertificateFile \(certificate)
      TLS\(kind)CertificateKeyFile \(key)

      """)
    return try start("proftpd", ["-n", "-c", folder + "/proftpd.conf"], in: folder)
  }

  /// Dovecot's ManageSieve with STARTTLS, on port 4190.
  package static func sieve(in folder: String, at address: String, certificate: String, key: String) throws
    -> Running
  {
    for name in ["run", "state"] { try makeFolder(folder + "/" + name) }
    try Files.write(
      folder + "/dovecot.conf",
      """
      base_dir = \(folder)/run
      state_dir = \(folder)/state
      log_path = \(folder)/dovecot.log
      listen = \(address)
      protocols = sieve
      ssl = yes
      ssl_cert = <\(certificate)
      ssl_key = <\(key)
      service managesieve-login {
        inet_listener sieve {
          port = 4190
        }
      }
      passdb {
        driver = static
      }

      """)
    return try start("dovecot", ["-F", "-c", folder + "/dovecot.conf"], in: folder)
  }
}
