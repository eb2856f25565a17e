using BorgStore.Backends.Sftp;
using BorgStore.Backends.Sftp.Hashing;

namespace BorgStore.Tests.Sftp;

public class SftpUrlTests
{
    [Theory]
    [InlineData("sftp://host/store", null, "host", null, "store")]
    [InlineData("sftp://me@host:2222/some/store/", "me", "host", 2222, "some/store")]
    [InlineData("sftp://me@host//srv/store", "me", "host", null, "/srv/store")]
    [InlineData("SFTP://a%40b@[::1]:22/x%20y%3fz", "a@b", "::1", 22, "x y?z")]
    [InlineData("sftp://host/~/store", null, "host", null, "store")]
    [InlineData("sftp://host/~//store/", null, "host", null, "store")]
    [InlineData("sftp://[fe80::1%25eth0]//s", null, "fe80::1%eth0", null, "/s")]
    public void A_URL_is_parsed_into_user_host_port_and_path(string text, string? user, string host, int? port, string path)
    {
        var url = SftpUrl.Parse(text);
        Assert.Equal((user, host, port, path), (url.User, url.Host, url.Port, url.Path));
    }

    [Fact]
    public void Options_are_parsed_from_the_query_string()
    {
        var url = SftpUrl.Parse("sftp://host/store?connections=4&timeout=30");
        Assert.Equal((4, 30), (url.Connections, url.Timeout.TotalSeconds));
    }

    [Theory]
    [InlineData("sftp:host/store")]
    [InlineData("sftp://host")]
    [InlineData("sftp://host/")]
    [InlineData("sftp:///store")]
    [InlineData("sftp://host/~")]
    [InlineData("sftp://host/~/")]
    [InlineData("sftp://-oProxyCommand=x/store")]
    [InlineData("sftp://host:0/store")]
    [InlineData("sftp://host:99999/store")]
    [InlineData("sftp://host/st%0aore")]
    [InlineData("sftp://host/store?connections=0")]
    [InlineData("sftp://host/store?colour=red")]
    [InlineData("sftp://me:secret@host/store?transport=telnet")]
    [InlineData("sftp://me:secret@host/store?key=")]
    public void An_invalid_SFTP_URL_is_rejected_without_showing_secrets(string text)
    {
        var error = Assert.Throws<StoreException>(() => SftpUrl.Parse(text));
        Assert.Equal(StoreError.InvalidUrl, error.Error);
        Assert.DoesNotContain("secret", error.Message);
    }

    [Fact]
    public void A_path_is_quoted_as_one_word_for_the_shell() => Assert.Equal(@"'it'\''s $(a) `b`'", HashPrograms.Quote("it's $(a) `b`"));
}
