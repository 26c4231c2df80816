import ACME
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
