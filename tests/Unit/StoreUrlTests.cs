namespace BorgStore.Tests;

public class StoreUrlTests
{
    [Theory]
    [InlineData("https://user:secret@host/path", "https://user:***@host/path")]
    [InlineData("https://user@host/path", "https://user@host/path")]
    [InlineData("https://host/a:b@c", "https://host/a:b@c")]
    [InlineData("sftp://user:p%40ss@host:22//x", "sftp://user:***@host:22//x")]
    [InlineData("s3:key:sec/ret@https://host/bucket", "s3:key:***@https://host/bucket")]
    [InlineData("s3:profile@/bucket/path", "s3:profile@/bucket/path")]
    [InlineData("file:///srv/store", "file:///srv/store")]
    [InlineData("rclone:remote:path", "rclone:remote:path")]
    [InlineData("rclone:", "rclone:")]
    [InlineData("rclone:/srv/a,b=c:d", "rclone:/srv/a,b=c:d")]
    [InlineData("rclone:remote,token=t0p:path", "rclone:remote,token=***:path")]
    [InlineData("rclone::sftp,host=h,user=u,pass=sec,ask:a/b,c=d", "rclone::sftp,host=h,user=u,pass=***,ask:a/b,c=d")]
    [InlineData("RCLONE::webdav,url='http://me:p@h:1/,x''=',vendor=other:a", "RCLONE::webdav,url=***,vendor=***:a")]
    public void A_shown_URL_has_no_secret(string url, string shown) => Assert.Equal(shown, StoreUrl.Redact(url));

    [Theory]
    [InlineData("/srv/my store", "'file:///srv/my%20store'")]
    [InlineData(@"C:\stores\x", "'file:///C:/stores/x'")]
    [InlineData("./store", "whole path")]
    [InlineData("store", "whole path")]
    public void A_path_gets_the_URL_to_write_instead(string path, string hint)
    {
        var error = Assert.Throws<StoreException>(() => StoreUrl.GetScheme(path));
        Assert.Equal(StoreError.InvalidUrl, error.Error);
        Assert.Contains(hint, error.Message, StringComparison.Ordinal);
    }
}
