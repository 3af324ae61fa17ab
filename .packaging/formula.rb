# Written by the release workflow of @REPOSITORY@. Changes belong there.
class Dixaform < Formula
  desc "@DESCRIPTION@"
  homepage "@REPOSITORY@"
  version "@VERSION@"
  license any_of: ["MIT", "Apache-2.0"]

  on_macos do
    on_arm do
      url "@REPOSITORY@/releases/download/v@VERSION@/dixaform-@VERSION@-aarch64-apple-darwin.tar.gz"
      sha256 "@SHA256 aarch64-apple-darwin@"
    end
    on_intel do
      url "@REPOSITORY@/releases/download/v@VERSION@/dixaform-@VERSION@-x86_64-apple-darwin.tar.gz"
      sha256 "@SHA256 x86_64-apple-darwin@"
    end
  end

  on_linux do
    on_arm do
      url "@REPOSITORY@/releases/download/v@VERSION@/dixaform-@VERSION@-aarch64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256 aarch64-unknown-linux-musl@"
    end
    on_intel do
      url "@REPOSITORY@/releases/download/v@VERSION@/dixaform-@VERSION@-x86_64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256 x86_64-unknown-linux-musl@"
    end
  end

  def install
    bin.install "dixaform"
    man1.install Dir["man/man1/*.1"]
    bash_completion.install "completions/dixaform.bash" => "dixaform"
    zsh_completion.install "completions/_dixaform"
    fish_completion.install "completions/dixaform.fish"
  end

  test do
    (testpath/"hello.yaml").write <<~YAML
      apiVersion: dixaform/v1
      kind: Conversation
      metadata: {name: hello}
      spec:
        _type: Email
        requesterId: 00000000-0000-4000-8000-000000000001
        emailIntegrationId: shop@example.com
        subject: Hello
        message: {content: {_type: Text, value: Hello}}
    YAML
    assert_match "dixaform #{version}", shell_output("#{bin}/dixaform --version")
    assert_match "1 created", shell_output("#{bin}/dixaform apply hello.yaml --tenant sandbox --yes")
  end
end
