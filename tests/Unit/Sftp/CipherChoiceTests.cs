using BorgStore.Backends.Ssh;

namespace BorgStore.Tests.Sftp;

/// <summary>The choice of ciphers that ssh should prefer.</summary>
public sealed class CipherChoiceTests
{
    private const string ByDefault = "chacha20-poly1305@openssh.com,aes128-ctr,aes128-gcm@openssh.com";

    [Fact]
    public void The_fastest_cipher_is_moved_to_the_front()
        => Assert.Equal(["Ciphers=aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr"], CipherPreference.Prefer(ByDefault, hasAesInstructions: true));

    [Theory]
    [InlineData("")]
    [InlineData("aes256-gcm@openssh.com,aes128-gcm@openssh.com")]
    [InlineData("chacha20-poly1305@openssh.com,aes256-ctr")]
    public void A_customised_cipher_order_is_kept(string ciphers)
        => Assert.Empty(CipherPreference.Prefer(ciphers, hasAesInstructions: true));

    [Fact]
    public void The_order_is_kept_on_a_processor_without_AES_instructions()
        => Assert.Empty(CipherPreference.Prefer(ByDefault, hasAesInstructions: false));
}
