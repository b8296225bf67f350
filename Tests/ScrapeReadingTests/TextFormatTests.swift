// Why this file exists: a reader that lets everything pass proves nothing about what it reads.

import ScrapeReading
import Testing

private func faults(_ text: String) -> [String] { TextFormat.read(Array(text.utf8)).faults }

private let described = "# HELP a An a.\n# TYPE a counter\n"
private let histogram = "# HELP h An h.\n# TYPE h histogram\n"

@Suite struct `The reader of the text format` {
  @Test func `takes what is right`() {
    let scrape = TextFormat.read(
      Array(
        (described + "a{x=\"q\\\"b\\\\n\\n\",y=\"\"} 3\na{x=\"\"} 1e3\n" + histogram
          + "h_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3.5\nh_count 2\n").utf8))
    #expect(scrape.faults == [])
    #expect(scrape.value("a", ["x": "q\"b\\n\n", "y": ""]) == 3)
    #expect(scrape.value("a", ["x": ""]) == 1_000)
    #expect(scrape.value("h_sum") == 3.5)
    #expect(scrape.families["a"] == ScrapedFamily(type: "counter", help: "An a."))
  }

  @Test(arguments: [
    "", "a 1", described + "a 1", described + "a  1\n", described + "a 1 \n", described + "a\n",
    described + "a 1\n\n", described + "a 0x1\n", described + "a 1_0\n", described + "a one\n",
    described + "1a 1\n", described + "ä 1\n", described + "b 1\n", described + "a -1\n",
    described + "a NaN\n", described + "a 1\na 1\n", described + "a{x=\"1\"} 1\na{x=\"1\"} 2\n",
    described + "a{x=\"1\",x=\"2\"} 1\n", described + "a{x=1} 1\n", described + "a{x=\"1\" 1\n",
    described + "a{x=\"\\t\"} 1\n", described + "a{1x=\"\"} 1\n", described + "a{x:y=\"\"} 1\n",
    described + "a{x=\"1\"y=\"2\"} 1\n", described + "a 1 # {x=\"1\"} 1\n",
    "a 1\n", "# HELP a A.\na 1\n", "# TYPE a counter\na 1\n", "# HELP a A.\n",
    "# HELP a A.\n# TYPE a number\na 1\n", "# HELP a A.\n# TYPE a counter x\na 1\n",
    described + described + "a 1\n", described + "a 1\n# HELP a Again.\n",
    described + "a 1\n# HELP b B.\n# TYPE b gauge\nb 1\n" + described, "# EOF\n",
  ])
  func `refuses what is not`(text: String) { #expect(faults(text) != []) }

  @Test(arguments: [
    "h_bucket{le=\"1.0\"} 1\nh_sum 1\nh_count 1\n",
    "h_bucket{le=\"2.0\"} 1\nh_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
    "h_bucket{le=\"1.0\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
    "h_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 2\n", "h_bucket{le=\"+Inf\"} 1\nh_count 1\n",
    "h_bucket{le=\"+Inf\"} 1\nh_sum 1\n", "h_bucket 1\nh_sum 1\nh_count 1\n",
    "h_bucket{le=\"+Inf\"} 0.5\nh_sum 1\nh_count 0.5\n",
    "h_bucket{le=\"+Inf\"} 1\nh_sum -1\nh_count 1\n", "h 1\n",
  ])
  func `refuses histograms that do not add up`(text: String) {
    #expect(faults(histogram + text) != [])
  }
}
