import Testing
import ThrowawayFleet

@testable import Issuance

@Suite struct LexiconTests {
  @Test func `a proof that begins with a dash is no option of lexicon's`() async throws {
    func said(_ words: String...) async throws -> String {
      try await Program.run(
        try Program.find("lexicon"),
        ["--delegated", "example", "powerdns", "create", "example", "TXT", "--name", "x.example."] + words
      ).everything
    }
    #expect(try await said("--content", "-abc").contains("argument --content: expected one argument"))
    #expect(try await !said(Lexicon.content("-abc")).contains("expected one argument"))
  }
}
