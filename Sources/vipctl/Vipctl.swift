import ArgumentParser

@main struct Vipctl: ParsableCommand { func run() {} }
