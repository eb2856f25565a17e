using BorgStore.Backends.S3.Connection;

namespace BorgStore.Tests.S3.Connection;

public sealed class S3UrlTests
{
    [Theory]
    [InlineData("s3:/bucket/path", null, null, null, null, "bucket", "path")]
    [InlineData("S3:/bucket/a/b/", null, null, null, null, "bucket", "a/b")]
    [InlineData("s3:work@/bucket/path", "work", null, null, null, "bucket", "path")]
    [InlineData("s3:key:secret@/bucket/path", null, "key", "secret", null, "bucket", "path")]
    [InlineData("s3:key:sec/r+et=@http://h:81/bucket/p", null, "key", "sec/r+et=", "http://h:81/", "bucket", "p")]
    [InlineData("s3:k%3Ay:s%40c%2Fret@https://h/bucket/p", null, "k:y", "s@c/ret", "https://h/", "bucket", "p")]
    [InlineData("s3:key:se?cret@https://h/bucket/p", null, "key", "se?cret", "https://h/", "bucket", "p")]
    [InlineData("b2:work@https://s3.us-west-004.backblazeb2.com/bucket/p", "work", null, null, "https://s3.us-west-004.backblazeb2.com/", "bucket", "p")]
    [InlineData("s3:https://[::1]:9000/bucket/with%20blank%3F", null, null, null, "https://[::1]:9000/", "bucket", "with blank?")]
    [InlineData("s3:https://h/bucket/p@th", null, null, null, "https://h/", "bucket", "p@th")]
    [InlineData("s3:/bucket/p@th", null, null, null, null, "bucket", "p@th")]
    public void Every_form_of_URL_is_parsed(string text, string? profile, string? key, string? secret, string? endpoint, string bucket, string path)
    {
        var url = S3Url.Parse(text);
        Assert.Equal((profile, key, secret, endpoint), (url.Profile, url.AccessKey, url.SecretKey, url.Endpoint?.ToString()));
        Assert.Equal((bucket, path), (url.Bucket, url.Path));
        Assert.Equal(text.StartsWith("b2", StringComparison.Ordinal), url.IsB2);
    }

    [Theory]
    [InlineData("s3:/bucket", "no path")]
    [InlineData("s3:/bucket/", "no path")]
    [InlineData("s3://path", "no bucket")]
    [InlineData("s3:bucket/path", "'@'")]
    [InlineData("s3:key:@/bucket/path", "secret")]
    [InlineData("s3::hunter2@/bucket/path", "secret")]
    [InlineData("s3:key:hunter2@bucket/path", "'/'")]
    [InlineData("s3:key:hunter2@ftp://h/bucket/path", "http://")]
    [InlineData("s3:key:hunter2@https://h/bucket/path?regio=x", "region=NAME")]
    [InlineData("s3:/bucket/path?path-style=maybe", "path-style")]
    public void An_invalid_S3_URL_is_explained_without_its_secret(string text, string said)
    {
        var error = Assert.Throws<StoreException>(() => S3Url.Parse(text));
        Assert.Equal(StoreError.InvalidUrl, error.Error);
        Assert.Contains(said, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", error.Name, StringComparison.Ordinal);
    }

    [Fact]
    public void ToString_redacts_the_secret()
        => Assert.Equal("s3:key:***@https://h/bucket/p", S3Url.Parse("s3:key:hunter2@https://h/bucket/p").ToString());

    [Fact]
    public void Options_are_parsed_from_the_query()
    {
        var url = S3Url.Parse("s3:key:secret@https://h/bucket/p?region=eu-north-1&path-style=false&checksum=crc32&sign-payload=true");
        Assert.Equal("p", url.Path);
        var traits = ServerTraits.For(url.Endpoint, url.Options);
        Assert.Equal(("eu-north-1", false, ChecksumKind.Crc32, false), (traits.Region, traits.PathStyle, traits.Checksum, traits.UnsignedPayload));
    }

    [Theory]
    [InlineData(null, true, null, false)]
    [InlineData("https://s3.eu-central-1.amazonaws.com", true, "eu-central-1", false)]
    [InlineData("https://s3.dualstack.eu-west-1.amazonaws.com", true, "eu-west-1", false)]
    [InlineData("https://s3.amazonaws.com", true, "us-east-1", false)]
    [InlineData("https://s3.us-west-004.backblazeb2.com", false, "us-west-004", true)]
    [InlineData("https://s3.eu-central-1.wasabisys.com", false, "eu-central-1", true)]
    [InlineData("https://s3.wasabisys.com", false, "us-east-1", true)]
    [InlineData("https://fra1.digitaloceanspaces.com", false, "fra1", true)]
    [InlineData("https://abc.r2.cloudflarestorage.com", false, "auto", true)]
    [InlineData("https://storage.googleapis.com", false, "auto", true)]
    [InlineData("http://127.0.0.1:9000", false, "us-east-1", true)]
    [InlineData("https://s3.example.co.uk", false, "us-east-1", true)]
    public void The_kind_of_server_is_recognised_by_its_host(string? endpoint, bool isAws, string? region, bool pathStyle)
    {
        var traits = ServerTraits.For(endpoint is null ? null : new Uri(endpoint), new());
        Assert.Equal((isAws, region, pathStyle), (traits.IsAws, traits.Region, traits.PathStyle));
        Assert.Equal(isAws ? ChecksumKind.Sha256 : ChecksumKind.None, traits.Checksum);
        // Without TLS, only the signature protects a value.
        Assert.Equal(endpoint?.StartsWith("http:", StringComparison.Ordinal) != true, traits.UnsignedPayload);
    }
}
