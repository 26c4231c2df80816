@testable import ACME
import Fleet
import Foundation
import PKI
import Testing
import ThrowawayFleet

@Suite struct RetryAfterTests {
  private let now = Date(timeIntervalSince1970: 1_800_000_000)

  @Test func `seconds and dates are read, anything else is not`() {
    #expect(RetryAfter.moment("120", now: now) == now.addingTimeInterval(120))
    #expect(
      RetryAfter.moment("Sun, 06 Nov 1994 08:49:37 GMT", now: now) == Date(timeIntervalSince1970: 784_111_777)
    )
    #expect(RetryAfter.moment("-5", now: now) == nil)
    for absurd in ["inf", "1e300", "Sun, 06 Nov 9994 08:49:37 GMT"] {
      #expect(RetryAfter.moment(absurd, now: now) == now.addingTimeInterval(30 * 86400))
    }
    #expect(RetryAfter.moment("nan", now: now) == nil)
    #expect(RetryAfter.moment("soon", now: now) == nil)
  }
}

@Suite struct LinkTests {
  @Test func `links are read, and what is none is passed over`() {
    let header =
      #"<https://ca/1>;rel="alternate", <https://ca/dir>; title="x"; rel=index , <broken <https://ca/2> ; rel = "alternate", <>"#
    #expect(
      Link.all(in: header) == [
        Link(target: "https://ca/1", relation: "alternate"),
        Link(target: "https://ca/dir", relation: "index"),
        Link(target: "https://ca/2", relation: "alternate"),
      ])
    #expect(Link.all(in: "") == [] && Link.all(in: "<x") == [] && Link.all(in: "x>; rel=up") == [])
  }

  @Test func `a header is read in a time that grows as it does`() {
    func time(_ count: Int) -> Duration {
      ContinuousClock().measure { _ = Link.all(in: String(repeating: "<", count: count)) }
    }
    _ = time(10_000)
    let (small, large) = (time(100_000), time(1_600_000))
    // Sixteen times as long; a quadratic one would take 256 times.
    #expect(large < small * 80, "\(small), \(large)")
  }
}

@Suite struct IdentifierTests {
  private func identifier(_ type: String, _ value: String) throws -> AcmeIdentifier {
    try JSONDecoder().decode(
      AcmeIdentifier.self, from: Data(#"{"type": "\#(type)", "value": "\#(value)"}"#.utf8))
  }

  @Test func `an identifier means the ordered name, and no other`() throws {
    for (type, value, name, means) in [
      ("dns", "a.example", "a.example", true), ("dns", "A.Example", "a.example", true),
      ("dns", "a.example", "*.a.example", true), ("dns", "b.a.example", "*.a.example", false),
      ("dns", "*.a.example", "*.a.example", false), ("dns", "a.example.", "a.example", false),
      ("ip", "2001:db8:0:0:0:0:0:1", "2001:db8::1", true), ("ip", "2001:db8::2", "2001:db8::1", false),
      ("ip", "192.0.2.1", "192.0.2.1", true), ("dns", "192.0.2.1", "192.0.2.1", false),
      ("ip", "a.example", "a.example", false), ("other", "a.example", "a.example", false),
    ] { #expect(try identifier(type, value).means(name) == means, "\(type) \(value) \(name)") }
  }
}

@Suite(.serialized) struct ACMEClientTests {
  @Test(arguments: [0, 50])
  func `an account and an order are made however many nonces are refused`(reject: Int) async throws {
    let scratch = try ScratchFolder()
    let ca = try await PebbleCA(in: scratch.path, on: .random(), .init(nonceReject: reject))
    let key = try PrivateKey.generate(.ecdsaP256)
    let client = try client(ca, key)
    let account = try await client.register(contact: ["mailto:a@b.example"], agreesToTerms: true)
    let again = try await self.client(ca, key).register(contact: [], agreesToTerms: true)
    #expect(account == again)
    let made = try await client.newOrder(names: ["a.example", "b.example"])
    #expect(made.order.status == .pending)
    #expect(try await client.order(at: made.url).value.authorizations.count == 2)
    await ca.stop()
  }

  @Test func `a server that refuses every nonce ends in its own words`() async throws {
    let scratch = try ScratchFolder()
    let ca = try await PebbleCA(in: scratch.path, on: .random(), .init(nonceReject: 100))
    let client = try client(ca, try PrivateKey.generate(.ecdsaP256))
    await #expect { try await client.register(contact: [], agreesToTerms: true) } throws: {
      ($0 as? Problem)?.kind == "badNonce"
    }
    await ca.stop()
  }

  @Test func `a server that is not trusted, or not there, is named`() async throws {
    let scratch = try ScratchFolder()
    let ca = try await PebbleCA(in: scratch.path, on: .random())
    let url = try #require(URL(string: ca.directory))
    let untrusting = HTTPClient()
    await #expect { try await untrusting.send(HTTPRequest(.get, url)) } throws: {
      "\($0)".contains("certificate")
    }
    await ca.stop()
    let nobody = HTTPClient(caFile: ca.caFile)
    await #expect { try await nobody.send(HTTPRequest(.get, url)) } throws: {
      "\($0)".contains("Failed to connect")
    }
  }

  private func client(_ ca: PebbleCA, _ key: PrivateKey) throws -> ACMEClient {
    ACMEClient(
      directory: try #require(URL(string: ca.directory)), http: HTTPClient(caFile: ca.caFile), key: key,
      account: nil)
  }
}
