import ClusterConfiguration
import Testing

@Test func scratch() throws {
  for path in [
    "Packaging/examples/swarm.yaml", "Packaging/examples/nginx-pair.yaml", "Packaging/examples/two-interfaces.yaml",
    "Packaging/examples/two-addresses.yaml", "Tests/ClusterConfigurationTests/Fixtures/published.yaml", "/tmp/cfgbad.yaml",
  ] {
    print(CheckReport(try ClusterFile.load(path: path)).text())
  }
}
