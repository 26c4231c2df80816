import Foundation
import Testing

/// The colours of the page (WCAG 2.1): text stands out by 4.5 to 1 (1.4.3), what is drawn by 3 to 1 (1.4.11), by day and by night.
@Suite struct PageContrastTests {
  private static let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Sources/Reporting/Page/page.html")

  /// The custom properties of each `:root`: the light ones, then the dark ones.
  private func palettes() throws -> [[String: [Double]]] {
    let text = try String(contentsOf: Self.page, encoding: .utf8)
    return text.matches(of: /:root \{([^}]*)\}/).map { root in
      String(root.output.1).matches(of: /--([a-z]+): #([0-9a-f]+)/).reduce(into: [:]) { all, colour in
        var digits = String(colour.output.2)
        if digits.count == 3 { digits = digits.map { "\($0)\($0)" }.joined() }
        all[String(colour.output.1)] = stride(from: 0, to: 6, by: 2).map { start in
          let place = digits.index(digits.startIndex, offsetBy: start)
          return Double(Int(digits[place..<digits.index(place, offsetBy: 2)], radix: 16) ?? 0) / 255
        }
      }
    }
  }

  /// WCAG 2.1, "relative luminance".
  private func luminance(_ colour: [Double]) -> Double {
    let linear = colour.map { $0 <= 0.04045 ? $0 / 12.92 : pow(($0 + 0.055) / 1.055, 2.4) }
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
  }

  private func contrast(_ first: [Double], _ second: [Double]) -> Double {
    let (a, b) = (luminance(first), luminance(second))
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)
  }

  @Test func `everything stands out, by day and by night`() throws {
    let palettes = try palettes()
    #expect(palettes.count == 2)
    for (name, palette) in zip(["light", "dark"], palettes) {
      let pairs = [
        (["fg", "dim", "good", "warn", "bad", "accent"], ["bg", "card"], 4.5),
        (["goodbg", "warnbg", "badbg", "idle"], ["bg", "card"], 3.0),
      ]
      for (fronts, backs, least) in pairs {
        for front in fronts {
          for back in backs {
            let found = contrast(try #require(palette[front]), try #require(palette[back]))
            #expect(found >= least, "\(name): \(front) on \(back) has \(found)")
          }
        }
      }
    }
  }
}
