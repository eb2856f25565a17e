using BorgStore.Backends;

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

    [Theory]
    [InlineData("http://host/x\r\nX-Evil: SECRET")]
    [InlineData("http://me:SEC\nRET@host/")]
    [InlineData("http://me:SEC%0d%0aRET@host/")]
    [InlineData("http://me%00:SECRET@host/")]
    [InlineData("https://host/a b")]
    [InlineData("https://me:SECRET@ho st/")]
    [InlineData("https://host/x\0SECRET")]
    [InlineData("https://host/x\u0085SECRET")]
    [InlineData("https://host/x%7FSECRET")]
    [InlineData("http+unix://%2Frun%2Fx%00SECRET.sock/x")]
    [InlineData("http+unix://%2Frun%2Fx.sock/a b")]
    [InlineData("rest://host\n/SECRET")]
    [InlineData("rest://ho st/x")]
    [InlineData("rest://host/SEC\nRET")]
    [InlineData("sftp://me%0a@host/SECRET")]
    [InlineData("sftp://a b@host/x")]
    [InlineData("sftp://host/SEC\0RET")]
    [InlineData("s3:key:SEC\nRET@https://host/bucket/path")]
    [InlineData("s3:key%0d%0aX:SECRET@https://host/bucket/path")]
    [InlineData("s3:key:SECRET@https://host/bucket/path?region=a%0ab")]
    [InlineData("b2:key:SEC RET@https://host/bucket/path")]
    [InlineData("rclone:remote,pass=SEC\nRET:path")]
    [InlineData("file:///srv/SEC\0RET")]
    [InlineData("file:///srv/SEC%00RET")]
    [InlineData("no scheme\nSECRET")]
    public void A_character_that_would_reach_a_header_or_a_command_line_is_refused_unseen(string url)
    {
        foreach (var parse in new Action[] { () => StoreUrl.GetScheme(url), () => BackendFactory.Create(url, new()) })
        {
            var error = Assert.Throws<StoreException>(parse);
            Assert.Equal(StoreError.InvalidUrl, error.Error);
            Assert.DoesNotContain("SEC", error.ToString(), StringComparison.Ordinal);
            Assert.DoesNotContain(error.Message, char.IsControl);
        }
    }

    [Theory]
    [InlineData("rclone:remote:my folder/100%0a")]
    [InlineData("file:///srv/my store")]
    [InlineData("sftp://host/my store")]
    [InlineData("rest://host/my store")]
    [InlineData("http://me:p%20w@host/")]
    [InlineData("http+unix://%2Frun%2Fa%20b.sock/")]
    public void A_blank_in_a_folder_is_none_of_those(string url) => Assert.NotEmpty(StoreUrl.GetScheme(url));
}
