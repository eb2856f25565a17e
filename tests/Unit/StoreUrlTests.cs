using System.Text;
using BorgStore.Backends.Files;
using BorgStore.Backends.Rest;
using BorgStore.Backends.S3.Connection;
using BorgStore.Backends.Sftp;
using BorgStore.Tests.Answers;

namespace BorgStore.Tests;

public class StoreUrlTests
{
    [Theory]
    [InlineData("https://user:secret@host/path", "https://user:***@host/path")]
    [InlineData("https://token@host/path", "https://***@host/path")]
    [InlineData("https://host/a:b@c", "https://***@c")]
    [InlineData("https://u:SEC/RETX@host/", "https://u:***@host/")]
    [InlineData("https://u:SEC@RET/X@host/", "https://u:***@host/")]
    [InlineData("https://u:12/SECRET@host/", "https://u:***@host/")]
    [InlineData("htps//u:SEC/RET@host/", "htps//u:***@host/")]
    [InlineData("https:/u:SECRET@host/", "https:***@host/")]
    [InlineData("https:u:SECRET@host/", "https:***@host/")]
    [InlineData("ht tps://u:SECRET@host/", "ht tps://u:***@host/")]
    [InlineData(" https://u:SECRET@host/", " https://u:***@host/")]
    [InlineData("https;//u:SECRET@host/", "https;//u:***@host/")]
    [InlineData("//u:SECRET@host/", "//u:***@host/")]
    [InlineData("u:SECRET@host/", "u:***@host/")]
    [InlineData("s4:key:SECRET@https://host/bucket", "s4:***@https://host/bucket")]
    [InlineData("s3:key:SEC//RET@https://host/bucket", "s3:key:***@https://host/bucket")]
    [InlineData("s3://key:SECRET@https://host/bucket", "s3://key:***@https://host/bucket")]
    [InlineData("file://u:SECRET@host/x", "file://u:***@host/x")]
    [InlineData("sftp://host//srv/me@corp", "sftp://host//srv/me@corp")]
    [InlineData("sftp://me@host/x", "sftp://me@host/x")]
    [InlineData("file:///C:/Users/me@corp/x", "file:///C:/Users/me@corp/x")]
    [InlineData(@"C:\Users\me@corp", @"C:\Users\me@corp")]
    [InlineData("/home/me@corp/x", "/home/me@corp/x")]
    [InlineData("rclone:remote:me@corp", "rclone:remote:me@corp")]
    [InlineData("rclone:https://u:SECRET@host/", "rclone:https:***@host/")]
    [InlineData("rclone://u:SECRET@host/", "rclone:***@host/")]
    [InlineData("rlcone:remote,pass=SECRET:path", "rlcone:remote,pass=***:path")]
    [InlineData("rclone::webdav,url=https://host,pass=SECRET:path", "rclone::webdav,url=***:path")]
    [InlineData("rclone:remote,pass=SEC:RET:path", "rclone:remote,pass=***:path")]
    [InlineData("rclone:remote,pass=SEC,RET:path", "rclone:remote,pass=***:path")]
    [InlineData("rclone:remote.pass=SECRET:path", "rclone:remote.pass=***:path")]
    [InlineData("sftp://user:p%40ss@host:22//x", "sftp://user:***@host:22//x")]
    [InlineData("s3:key:sec/ret@https://host/bucket", "s3:key:***@https://host/bucket")]
    [InlineData("s3:profile@/bucket/path", "s3:profile@/bucket/path")]
    [InlineData("file:///srv/store", "file:///srv/store")]
    [InlineData("rclone:remote:path", "rclone:remote:path")]
    [InlineData("rclone:", "rclone:")]
    [InlineData("rclone:/srv/a,b=c:d", "rclone:/srv/a,b=c:d")]
    [InlineData("rclone:remote,token=t0p:path", "rclone:remote,token=***:path")]
    [InlineData("rclone::sftp,host=h,user=u,pass=sec,ask:a/b,c=d", "rclone::sftp,host=h,user=u,pass=***:a/b,c=d")]
    [InlineData("RCLONE::webdav,url='http://me:p@h:1/,x''=',vendor=other:a", "RCLONE::webdav,url=***:a")]
    public void Redact_removes_secrets(string url, string shown) => Assert.Equal(shown, StoreUrl.Redact(url));

    [Fact]
    public void No_error_shows_the_secret_of_a_nearly_valid_URL()
    {
        (string Before, string After)[] urls =
        [
            ("https://me", "host:80/base"), ("http://me", "[::1]:5618/a"), ("sftp://me", "host:22//srv/x?timeout=2"), ("rest://me", "host/x"),
            ("s3:key", "https://host:9000/bucket/path?region=x"), ("b2:key", "/bucket/path"), ("gopher://me", "host/"), ("file://me", "host/x"),
            ("http+unix://me", "%2Frun%2Fx.sock/base"),
        ];
        Parallel.For(0, LongTests.Choose(5000, 1_000_000), seed =>
        {
            var random = new Random(seed);
            var (before, after) = urls[random.Next(urls.Length)];
            var secret = Noise(random) + "SECRET" + Noise(random);
            before = Mutate(before, random);
            // If only a scheme is left, the secret is in the place of the user.
            if (before.AsSpan().IndexOfAny(":/") < 0) return;
            var url = random.Next(8) > 0 ? $"{before}:{secret}@{Mutate(after, random)}"
                : $"rclone:{Mutate(":webdav,url='http://h/'", random)},pass={secret}:path";
            // Such URLs have a folder or a remote there, not a secret.
            if (url.StartsWith("file:///", StringComparison.OrdinalIgnoreCase) || (url.StartsWith("rclone:", StringComparison.OrdinalIgnoreCase) && !url.Contains(",pass=", StringComparison.Ordinal)))
                return;
            var shown = StoreUrl.Redact(url);
            Assert.False(shown.Contains("SECRET", StringComparison.Ordinal), $"Seed {seed}: {url} is shown as {shown}");
            Assert.Equal(shown, StoreUrl.Redact(shown));
            foreach (var parse in new Action[]
            {
                () => StoreUrl.GetScheme(url), () => RestAddress.Parse(url, remoteShell: "ssh"), () => SftpUrl.Parse(url), () => S3Url.Parse(url),
                () => FileUrl.Parse(url, windows: false), () => FileUrl.Parse(url, windows: true),
                () => throw new StoreException(StoreError.BackendFailure, $"Could not open '{StoreUrl.Redact(url)}'.", StoreUrl.Redact(url)),
            })
                if (Record.Exception(parse) is { } error)
                    Assert.False(error.ToString().Contains("SECRET", StringComparison.Ordinal), $"Seed {seed}: {url} gives {error}");
        });
    }

    private static string Mutate(string text, Random random)
        => random.Next(3) == 0 ? text : Encoding.Latin1.GetString(Mutation.Of(Encoding.Latin1.GetBytes(text), random));

    private static string Noise(Random random)
        => new([.. Enumerable.Range(0, random.Next(6)).Select(_ => "/?#@:%&'\",\\ +=;[]é09aZ"[random.Next(22)])]);

    [Theory]
    [InlineData("/srv/my store", "'file:///srv/my%20store'")]
    [InlineData(@"C:\stores\x", "'file:///C:/stores/x'")]
    [InlineData("./store", "absolute path")]
    [InlineData("store", "absolute path")]
    public void A_path_instead_of_a_URL_gives_an_error_with_the_URL_to_use(string path, string hint)
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
    public void Control_characters_and_spaces_in_a_URL_are_rejected_without_showing_secrets(string url)
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
    public void A_folder_name_with_a_space_is_accepted(string url) => Assert.NotEmpty(StoreUrl.GetScheme(url));
}
