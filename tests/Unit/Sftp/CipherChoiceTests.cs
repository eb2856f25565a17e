using BorgStore.Backends.Ssh;
using BorgStore.Backends.Sftp.Transport;

namespace BorgStore.Tests.Sftp;

/// <summary>The choice of ciphers that ssh should prefer.</summary>
public sealed class CipherChoiceTests
{
    private const string ByDefault = "chacha20-poly1305@openssh.com,aes128-ctr,aes128-gcm@openssh.com";

    [Fact]
    public void The_quickest_comes_first_and_all_others_stay()
        => Assert.Equal(["Ciphers=aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr"], CipherChoice.Prefer(ByDefault, isQuick: true));

    [Theory]
    [InlineData("")]
    [InlineData("aes256-gcm@openssh.com,aes128-gcm@openssh.com")]
    [InlineData("chacha20-poly1305@openssh.com,aes256-ctr")]
    public void An_order_of_somebodys_own_stays(string ciphers)
        => Assert.Empty(CipherChoice.Prefer(ciphers, isQuick: true));

    [Fact]
    public void A_processor_without_instructions_for_it_keeps_the_order()
        => Assert.Empty(CipherChoice.Prefer(ByDefault, isQuick: false));
}
