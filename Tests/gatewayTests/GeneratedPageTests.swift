// Why this file exists: generated pages are committed so that they can be read without a build;
// this keeps them from growing old.

import EventLoop
import Glibc
import Testing

@testable import gateway

@Suite struct `Generated pages` {
  private var root: String {
    "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
  }

  @Test(arguments: GeneratedPage.all.map(\.path))
  func `what is committed is what would be made`(path: String) throws {
    let page = try #require(GeneratedPage.all.first { $0.path == path })
    let committed = try #require(
      Descriptor.contents(of: "\(root)/\(path)", limit: 16 << 20), "\(path): run `make docs`")
    #expect(String(decoding: committed, as: UTF8.self) == page.text, "\(path): run `make docs`")
  }

  @Test func `a page is replaced whole`() throws {
    var template = Array("/tmp/gateway-pages-XXXXXX".utf8CString)
    let directory = String(cString: try #require(mkdtemp(&template)))
    defer { rmdir(directory) }
    let page = GeneratedPage(path: "page.md", text: "new\n")
    #expect(Output.write("old and longer\n", to: creat("\(directory)/page.md", 0o644)))
    try page.write(into: directory)
    defer { unlink("\(directory)/page.md") }
    #expect(Descriptor.contents(of: "\(directory)/page.md", limit: 100) == Array("new\n".utf8))
    #expect(access("\(directory)/page.md.new", F_OK) != 0)
  }

  @Test func `a folder that is not there is named`() {
    let page = GeneratedPage(path: "docs/page.md", text: "")
    let error = #expect(throws: GeneratedPage.Failure.self) { try page.write(into: "/nowhere") }
    #expect(error?.description == "/nowhere/docs/page.md.new: no such file or directory")
  }
}
