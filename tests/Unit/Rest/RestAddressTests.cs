using System.Net;
using BorgStore.Backends.Rest;

namespace BorgStore.Tests.Rest;

public sealed class RestAddressTests
{
    [Theory]
    [InlineData("http://host", "http://host", "", null)]
    [InlineData("HTTPS://host:8443/repos/x/", "https://host:8443", "/repos/x", null)]
    [InlineData("http://u:p@host/", "http://host", "", "u:p")]
    [InlineData("http://us%40er:p%2Fa%40@host:1", "http://host:1", "", "us@er:p/a@")]
    [InlineData("http://u:p@q@host", "http://host", "", "u:p@q")]
    [InlineData("https://[::1]:5618/a", "https://[::1]:5618", "/a", null)]
    [InlineData("http://u:p@[fe80::1]", "http://[fe80::1]", "", "u:p")]
    [InlineData("http://host/M\u00fcller/%C3%A9/anna@b", "http://host", "/M%C3%BCller/%C3%A9/anna@b", null)]
    public void An_http_URL_is_parsed(string url, string origin, string basePath, string? credential)
    {
        var address = RestAddress.Parse(url);
        Assert.Equal((origin, basePath), (address.Origin, address.BasePath));
        Assert.Equal(credential, address.Credential is { } found ? $"{found.UserName}:{found.Password}" : null);
        Assert.Equal("me", credential is null ? RestAddress.Parse(url, new NetworkCredential("me", "x")).Credential!.UserName : "me");
    }

    [Fact]
    public void A_Unix_socket_URL_is_parsed()
    {
        var address = RestAddress.Parse("http+unix://%2Frun%2Fborg%20store.sock/repos/x");
        Assert.Equal(("/run/borg store.sock", "/repos/x"), (address.UnixSocket, address.BasePath));
    }

    [Theory]
    [InlineData("rest:////srv/store", "borgstore-server-rest --stdio --backend FILE:/srv/store")]
    [InlineData("rest:///relative/store", "borgstore-server-rest --stdio --backend FILE:relative/store")]
    [InlineData("rest://host/store", "ssh OPTIONS -- host borgstore-server-rest --stdio --backend FILE:store")]
    [InlineData("rest://me@host:2222/~/store", "ssh OPTIONS -p 2222 -l me -- host borgstore-server-rest --stdio --backend FILE:~/store")]
    [InlineData("rest://me@[::1]//srv/a b;c", "ssh OPTIONS -l me -- ::1 borgstore-server-rest --stdio --backend 'FILE:/srv/a b;c'")]
    public void A_rest_URL_gives_the_command_to_run(string url, string command)
    {
        // The same as for SFTP; it never asks anything.
        const string options = "-o BatchMode=yes -o ConnectTimeout=15 -o ServerAliveInterval=30 -o ServerAliveCountMax=3 -o ForwardX11=no -o ForwardAgent=no -o ClearAllForwardings=yes -o PermitLocalCommand=no -o RemoteCommand=none -o RequestTTY=no";
        var parsed = RestAddress.Parse(url).Command!;
        Assert.Equal(command.Replace("OPTIONS", options, StringComparison.Ordinal), string.Join(' ', [parsed.FileName, .. parsed.Arguments]));
    }

    [Theory]
    [InlineData("http://")]
    [InlineData("http:///path")]
    [InlineData("http://host/path?query")]
    [InlineData("http://host:port")]
    [InlineData("http+unix://run/x.sock")]
    [InlineData("rest://host")]
    [InlineData("rest://host/")]
    [InlineData("rest://-oProxyCommand=evil/x")]
    [InlineData("rest://-l@host/x")]
    public void An_invalid_URL_is_rejected(string url)
        => Assert.Equal(StoreError.InvalidUrl, Assert.Throws<StoreException>(() => RestAddress.Parse(url)).Error);
}
