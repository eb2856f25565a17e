using BorgStore.Backends.Files;

namespace BorgStore.Tests.Backends.Files;

public sealed class FileUrlTests
{
    [Theory]
    [InlineData("file:///srv/store", "/srv/store")]
    [InlineData("file:///srv/my%20store%C3%BC", "/srv/my storeü")]
    [InlineData("FILE:///srv/store/", "/srv/store/")]
    [InlineData("file:///srv/a?b#c", "/srv/a?b#c")]
    [InlineData("file:///C:/store", "/C:/store")]
    public void A_file_URL_gives_a_path(string url, string path) => Assert.Equal(path, FileUrl.Parse(url, windows: false));

    [Theory]
    [InlineData("file:///C:/store", @"C:\store")]
    [InlineData("file:///d:/my%20store/x", @"d:\my store\x")]
    [InlineData("file:///C:/", @"C:\")]
    public void A_file_URL_gives_a_Windows_path(string url, string path) => Assert.Equal(path, FileUrl.Parse(url, windows: true));

    [Theory]
    [InlineData("/srv/store", false)]
    [InlineData("http://host/x", false)]
    [InlineData("file:srv/store", false)]
    [InlineData("file:/srv/store", false)]
    [InlineData("file://srv/store", false)]
    [InlineData("file://localhost/store", false)]
    [InlineData("file://", false)]
    [InlineData("file:///", false)]
    [InlineData("file:///a%00b", false)]
    [InlineData("file:///srv/store", true)]
    [InlineData("file:///C:store", true)]
    [InlineData("file://C:/store", true)]
    [InlineData("file://server/share", true)]
    [InlineData("file:////server/share", true)]
    public void A_URL_that_names_no_local_directory_is_rejected_with_a_hint(string url, bool windows)
    {
        var exception = Assert.Throws<StoreException>(() => FileUrl.Parse(url, windows));
        Assert.Equal(StoreError.InvalidUrl, exception.Error);
        Assert.Contains(windows ? "file:///C:/path/to/store" : "file:///path/to/store", exception.Message, StringComparison.Ordinal);
    }
}
