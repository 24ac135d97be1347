import ArgumentParser

@main struct Vipd: ParsableCommand { func run() {} }
