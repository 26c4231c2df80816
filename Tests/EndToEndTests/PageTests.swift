import Foundation
import Testing
import ThrowawayFleet

/// The page, opened in a real browser that may go nowhere.
@Suite(.serialized) struct PageTests {
  private func browse(_ scratch: ScratchFolder, _ page: String, _ more: [String], width: Int = 1000)
    async throws
    -> Program.Result
  {
    try await Program.run(
      try Program.find("chromium"),
      [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
        "--user-data-dir=\(scratch.path)/chromium", "--window-size=\(width),900",
        "--virtual-time-budget=5000",
      ] + more + ["file://\(page)"],
      environment: ["HOME": scratch.path, "XDG_RUNTIME_DIR": scratch.path])
  }

  @Test func `a fleet with trouble is one page that shows all of it and asks nobody`() async throws {
    let scene = try await Scene(hosts: 3)
    try await scene.expect(0, "run")
    try scene.steer(1, "break-deploy")
    try await scene.expect(0, "cert", "renew", "one.example")
    try await scene.expect(1, "run")
    let page = scene.scratch.path + "/fleet.html"
    let html = try await scene.expect(0, "report", "-o", "html").stdout
    try Files.write(page, html)
    #expect(html.firstMatch(of: /(src|href)=/) == nil && html.contains("default-src 'none'"))
    for width in [380, 800, 1600] {
      let shot = scene.scratch.path + "/shot-\(width).png"
      _ = try await browse(scene.scratch, page, ["--screenshot=\(shot)"], width: width)
      #expect(((try? Data(contentsOf: URL(filePath: shot)))?.count ?? 0) > 5000)
    }
    let shown = try await browse(scene.scratch, page, ["--dump-dom"]).stdout
    #expect(shown.contains("data-ready="), "the script has not come to its end")
    for words in [
      "one thing needs a person", "broken on purpose", "certfleet rollout retry 2", "rollout 2 · one.example",
      "wave 2 failed", "3 places",
    ] { #expect(shown.contains(words), "\(words) in \(shown.suffix(3000))") }
    await scene.fleet.stop()
  }

  /// What a host has said is text, and runs nothing.
  @Test func `whatever a hook says, the page stays a page`() async throws {
    let scene = try await Scene(hosts: 1)
    try Files.write(
      scene.scratch.path + "/fleet.json5",
      Files.read(scene.scratch.path + "/fleet.json5").replacing(
        "broken on purpose",
        with: "</script><script>document.title=1</script><img src=x onerror=document.title=2>"))
    try await scene.expect(0, "apply", scene.scratch.path + "/fleet.json5")
    try scene.steer(0, "break-deploy")
    try await scene.expect(1, "run")
    let page = scene.scratch.path + "/fleet.html"
    try Files.write(page, try await scene.expect(0, "report", "-o", "html").stdout)
    let shown = try await browse(scene.scratch, page, ["--dump-dom"]).stdout
    #expect(
      shown.contains("data-ready=") && shown.contains("<title>certfleet: 1 host"), "\(shown.prefix(3000))")
    #expect(shown.contains("&lt;/script&gt;") && !shown.contains("<img"))
    await scene.fleet.stop()
  }
}
