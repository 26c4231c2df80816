import Fleet
import Foundation
import Testing
import ThrowawayFleet

@testable import Inventory

/// What may be declared about issuing, and what is said about what may not.
@Suite struct IssuingDeclarationTests {
  private let scratch: ScratchFolder

  init() throws {
    scratch = try ScratchFolder()
    try scratch.write("eab.key", "c2VjcmV0LXNlY3JldC1zZWNyZXQ\n")
    try scratch.write("open.key", "c2VjcmV0LXNlY3JldC1zZWNyZXQ\n", mode: 0o644)
    try scratch.write("bad.key", "not base64url!\n")
  }

  private func read(_ issuer: String, _ certificate: String) throws -> FleetDeclaration {
    let file = try scratch.write(
      "f.json5",
      """
      { hosts: [{name: 'web1', labels: {role: 'web'}}],
        issuers: [{name: 'ca', \(issuer)}],
        certificates: [{name: 'c', issuer: 'ca', \(certificate)}] }
      """)
    return try InventoryFiles.read([file], beside: FleetDeclaration())
  }

  private func problems(_ issuer: String, _ certificate: String) -> [String] {
    do {
      _ = try read(issuer, certificate)
      return []
    } catch let invalid as InvalidInventory {
      return invalid.problems.map { "\($0)".replacing(scratch.path + "/f.json5: ", with: "") }
    } catch { return ["\(error)"] }
  }

  private static let acme = "directory: 'https://ca.example/dir', agree_to_terms: true"
  private static let names = "domains: ['x.example']"

  @Test(arguments: [
    ("http://ca.example/dir", "is not an https URL"), ("ca.example", "is not a URL"),
  ])
  func `a directory is an https URL`(directory: String, reason: String) {
    #expect(problems("directory: '\(directory)', agree_to_terms: true", Self.names)[0].contains(reason))
  }

  @Test(arguments: [
    ("eab_kid: 'k'", "'eab_kid' needs its key: 'eab_hmac_key_file' is missing"),
    ("eab_hmac_key_file: 'eab.key'", "needs the key's identifier: 'eab_kid' is missing"),
    ("eab_kid: 'k', eab_hmac_key_file: 'bad.key'", "the key is not base64url"),
    ("eab_kid: 'k', eab_hmac_key_file: 'open.key'", "run: chmod 600"),
    ("eab_kid: 'k', eab_hmac_key_file: 'none.key'", "no such file"),
    ("eab_kid: 'k', eab_hmac_key: 'c2VjcmV0'", "a key does not belong into the inventory"),
    ("parallel: 0", "0 is not a number of orders (1 to 100)"), ("staging: 'http://x/'", "not an https URL"),
  ])
  func `an issuer's mistakes are named`(more: String, reason: String) {
    let found = problems("\(Self.acme), \(more)", Self.names)
    #expect(found.count == 1 && found[0].contains(reason), "\(found)")
  }

  @Test(arguments: [
    ("type: 'http-02'", "is not one of http-01, dns-01"),
    ("type: 'dns-01'", "dns-01 needs 'provider' (with 'credentials_file'), 'nsupdate', or 'auth_hook'"),
    ("type: 'dns-01', cleanup_hook: 'x'", "'auth_hook' is missing"),
    (
      "type: 'dns-01', auth_hook: 'x', nsupdate: {key_file: 'eab.key'}",
      "choose one of 'auth_hook', 'nsupdate' and 'provider'"
    ),
    ("type: 'dns-01', nsupdate: {server: 'ns1.example'}", "'key_file' is missing"),
    ("type: 'dns-01', nsupdate: {key_file: 'open.key'}", "run: chmod 600"),
    ("type: 'dns-01', auth_hook: 'x', resolver: 'ns1.example'", "is not an IP address"),
    ("type: 'dns-01', auth_hook: 'x', propagation_timeout: '5'", "write a number with its unit"),
    ("type: 'dns-01', auth_hook: 'x', webroot: '/var/www'", "unknown key 'webroot'"),
    ("type: 'http-01', via: 'hosts'", "'webroot' is missing"),
    ("type: 'http-01', via: 'hosts', webroot: 'www'", "is not an absolute path"),
    ("type: 'http-01', via: 'hosts', webroot: '/var/www', port: 0", "is not a port"),
    (
      "type: 'http-01', via: 'hosts', webroot: '/var/www', listen: '[::]:80'",
      "does not go together with via: 'hosts'"
    ),
    ("type: 'http-01', webroot: '/no/such'", "is not a folder on this machine"),
    ("type: 'http-01', port: 80", "'port' belongs to via: 'hosts'"),
    ("type: 'http-01', listen: '[::]:80', auth_hook: 'x'", "choose one of"),
    ("type: 'http-01', listen: '300.0.0.1:80'", "holds no IP address"),
    ("type: 'http-01', listen: 'localhost:80'", "is not an address and port"),
    ("type: 'http-01', auth_hook: ''", "a hook cannot be empty"),
  ])
  func `a challenge's mistakes are named`(challenge: String, reason: String) {
    let found = problems(Self.acme, "\(Self.names), challenge: {\(challenge)}")
    #expect(found.count == 1 && found[0].contains(reason), "\(found)")
  }

  @Test(arguments: [
    ("key: {type: 'rsa-1024'}", "is not one of ecdsa-p256"),
    ("key: {on: 'hosts'}", "is not one of controller, host"),
    ("key: {reuse: 'yes'}", "expected true or false"),
    ("key: {on: 'host'}", "keys are made on hosts, and 'deploy' names none"),
    ("profile: 'a b'", "illegal character"),
    ("private_key: 'eab.key'", "needs 'certificate' and 'private_key'"),
    ("certificate: 'eab.key', private_key: 'eab.key'", "belong to an issuer of type 'files'"),
  ])
  func `a certificate's mistakes are named`(more: String, reason: String) {
    let found = problems(Self.acme, "\(Self.names), \(more)")
    #expect(found.count == 1 && found[0].contains(reason), "\(found)")
  }

  @Test func `a mistake in one part hides none in another, and makes none of its own`() {
    let found = problems(
      Self.acme,
      "domains: ['*.x.example', 'a.local', 'b_c.example'], key: 'rsa-2048', challenge: {type: 'dns01'}")
    #expect(found.count == 4, "\(found)")
    #expect(found.contains("certificates[0].key: expected an object; write { type: 'rsa-2048' }"))
    #expect(found.contains { $0.contains("did you mean 'dns-01'?") })
    #expect(found.contains { $0.contains("'a.local' is below '.local'") })
    #expect(found.contains { $0.contains("holds '_'") })
    #expect(problems("type: 'files'", "certificate: 'none.pem', private_key: 'none.key'").count == 2)
  }

  @Test func `each kind of issuer has its own settings`() {
    let certbot = problems(
      "type: 'certbot', directory: 'https://x/'",
      "challenge: {type: 'http-01'}, profile: 'x', key: {reuse: true}")
    #expect(certbot.contains { $0.contains("issuers[0]: unknown key 'directory'") })
    let settings = problems(
      "type: 'certbot'", "challenge: {type: 'http-01'}, profile: 'x', key: {reuse: true}")
    #expect(settings.count == 3 && settings.allSatisfy { $0.contains("certbot has its own settings") })
    #expect(
      problems("type: 'files'", Self.names) == [
        "certificates[0]: 'certificate' and 'private_key' are missing: ca is an issuer of files"
      ])
    #expect(
      problems("type: 'certbot', hand_over: 'later'", "")[0].contains("is not one of at-once, next-run"))
    #expect(
      problems(Self.acme, "") == ["certificates[0]: 'domains' is missing; an ACME server is asked for names"])
  }

  @Test func `everything that may be said is read`() throws {
    let fleet = try read(
      "\(Self.acme), staging: 'https://s.example/', eab_kid: 'k', eab_hmac_key_file: 'eab.key', parallel: 5",
      """
      domains: ['*.x.example'], key: {type: 'rsa-4096', reuse: true, on: 'host'}, profile: 'shortlived',
      preferred_chain: 'Root X', deploy: [{to: 'role=web'}],
      challenge: {type: 'dns-01', auth_hook: {run: 'a', timeout: '5m'}, cleanup_hook: 'b', resolver: '192.0.2.53',
        propagation_timeout: '10m'}
      """)
    let authority = try #require(fleet.issuers[0].acme)
    #expect(authority.staging == "https://s.example/" && authority.parallel == 5)
    #expect(authority.externalAccount == ExternalAccount(keyID: "k", keyFile: scratch.path + "/eab.key"))
    let lineage = fleet.lineages[0]
    #expect(lineage.key == KeyPolicy(type: .rsa4096, isReused: true, place: .host))
    #expect(lineage.profile == "shortlived" && lineage.preferredChain == "Root X")
    let hooks = ChallengeHooks(
      auth: Hook(command: "a", timeout: .seconds(300)), cleanup: Hook(command: "b", timeout: .seconds(600)))
    #expect(
      lineage.challenge
        == .dns01(.init(updater: .hooks(hooks), resolver: "192.0.2.53", propagationTimeout: .seconds(600))))
  }

  @Test func `Let's Encrypt's staging need not be looked up`() throws {
    let fleet = try read(
      "directory: 'https://acme-v02.api.letsencrypt.org/directory', agree_to_terms: true", Self.names)
    #expect(fleet.issuers[0].acme?.staging == "https://acme-staging-v02.api.letsencrypt.org/directory")
  }
}
