using System.Text;
using BorgStore.Backends;
using BorgStore.Server.Http;
using BorgStore.Server.Stores;
using Microsoft.AspNetCore.Http;

namespace BorgStore.Tests.Server;

/// <summary>The parts of a request: its target, its headers, and the names in them.</summary>
public sealed class RequestParsingTests
{
    [Theory]
    [InlineData("/data/a", "data/a", false)]
    [InlineData("/data/", "data", true)]
    [InlineData("/", "", true)]
    [InlineData("//", "", true)]
    [InlineData("", "", false)]
    [InlineData("data/a", "data/a", false)]
    [InlineData("/data/a?cmd=x", "data/a", false)]
    [InlineData("/data/?/", "data", true)]
    [InlineData("http://host/data/a?cmd=x/", "data/a", false)]
    [InlineData("http://host/", "", true)]
    [InlineData("http://host", "", false)]
    [InlineData("/http://host/a", "http://host/a", false)]
    [InlineData("://host/a", "://host/a", false)]
    [InlineData("/a%20b", "a%20b", false)]
    public void A_target_is_split_without_decoding_its_path(string target, string name, bool isListing)
    {
        var parsed = new RequestTarget(target);
        Assert.Equal((name, isListing), (parsed.Name, parsed.IsListing));
    }

    [Theory]
    [InlineData("/a?b=c", "/a", "?b=c")]
    [InlineData("/a?", "/a", "?")]
    [InlineData("/a", "/a", null)]
    [InlineData("http://host?b=/c", "/c", null)]
    [InlineData("http://host/a?b=c", "/a", "?b=c")]
    [InlineData("/a?b?c", "/a", "?b?c")]
    public void The_query_begins_at_the_first_question_mark(string target, string path, string? query)
        => Assert.Equal((path, query), RequestTarget.SplitQuery(target));

    [Fact]
    public void Arguments_are_those_of_the_query()
    {
        var target = new RequestTarget("/data/?cmd=move&empty=&new=a%2Fb+c&cmd=other&limit=12&zero=0&bad=-1&prefix=ab");
        Assert.Equal(("move", "a/b c"), (target["cmd"], target["new"]));
        Assert.Null(target["empty"]);
        Assert.Null(target["missing"]);
        Assert.Null(new RequestTarget("/data/")["cmd"]);
        Assert.Equal("a/b c", target.Require("new"));
        var error = Assert.Throws<StoreException>(() => target.Require("id"));
        Assert.Equal((StoreError.InvalidArgument, "Missing id: the query of the request has to give it."), (error.Error, error.Message));
        Assert.Equal([12, 0, null], [target.GetNumber("limit"), target.GetNumber("zero"), target.GetNumber("missing")]);
        foreach (var key in new[] { "bad", "cmd" })
        {
            error = Assert.Throws<StoreException>(() => target.GetNumber(key));
            Assert.Equal((StoreError.InvalidArgument, $"The argument '{key}' is no number."), (error.Error, error.Message));
        }
        Assert.Equal("ab", target.GetPrefix());
        Assert.Equal("", new RequestTarget("/data/").GetPrefix());
        error = Assert.Throws<StoreException>(() => new RequestTarget("/data/?prefix=a/b").GetPrefix());
        Assert.Equal((StoreError.InvalidName, "a/b", "The prefix of a listing contains a '/'. List the directory before it, by what follows it."), (error.Error, error.Name, error.Message));
    }

    [Theory]
    [InlineData("/data/a", true, true, true)]
    [InlineData("/data/a:b", true, false, true)]
    [InlineData("/", false, false, true)]
    [InlineData("/a%20b", true, true, true)]
    [InlineData("/data/A", false, false, false)]
    [InlineData("/data/./a", false, false, false)]
    [InlineData("/./a", false, false, false)]
    [InlineData("/a/.", false, false, false)]
    [InlineData("/a//b", false, false, false)]
    [InlineData("/a/../b", false, false, false)]
    [InlineData("/a/.b", true, true, true)]
    public void Names_are_checked_for_what_is_done_with_them(string target, bool isReadable, bool isWritable, bool isDirectory)
    {
        if (OperatingSystem.IsWindows() && target.Contains(':')) return;
        var parsed = new RequestTarget(target);
        var name = target.Trim('/');
        Assert.Equal(isReadable ? name : null, Try(() => parsed.GetReadableName()));
        Assert.Equal(isWritable ? name : null, Try(() => parsed.GetWritableName()));
        Assert.Equal(isDirectory ? name : null, Try(() => parsed.GetDirectory()));
    }

    [Theory]
    [InlineData("a//b")]
    [InlineData("./a")]
    [InlineData("a/.")]
    [InlineData(".")]
    public void A_name_has_one_spelling(string name)
    {
        if (OperatingSystem.IsWindows()) return;
        var error = Assert.Throws<StoreException>(() => RequestTarget.CheckReadable(name));
        Assert.Equal((StoreError.InvalidName, name, "The name has an element that is empty or a dot."), (error.Error, error.Name, error.Message));
    }

    [Theory]
    [InlineData("", 0, null)]
    [InlineData("bytes=0-", 0, null)]
    [InlineData("bytes=5-", 5, null)]
    [InlineData("bytes=5-9", 5, 5L)]
    [InlineData("bytes=5-5", 5, 1L)]
    [InlineData("bytes=5-4", 5, 0L)]
    [InlineData("bytes=0-0", 0, 1L)]
    [InlineData("bytes=-5", -5, null)]
    [InlineData("bytes=-1", -1, null)]
    [InlineData("bytes=-0", 0, 0L)]
    [InlineData("bytes=1-9223372036854775807", 1, long.MaxValue)]
    [InlineData("bytes=0-9223372036854775806", 0, long.MaxValue)]
    [InlineData("bytes=0-9223372036854775807", 0, null)]
    [InlineData("bytes=9223372036854775807-", long.MaxValue, null)]
    [InlineData("Bytes=5-9", 0, null)]
    [InlineData("items=5-9", 0, null)]
    [InlineData("bytes=", 0, null)]
    [InlineData("bytes=5", 0, null)]
    [InlineData("bytes=-", 0, null)]
    [InlineData("bytes=5-9-", 0, null)]
    [InlineData("bytes=5--9", 0, null)]
    [InlineData("bytes=--9", 0, null)]
    [InlineData("bytes=5-9,12-13", 0, null)]
    [InlineData("bytes=5-x", 0, null)]
    [InlineData("bytes=x-5", 0, null)]
    [InlineData("bytes=x-", 0, null)]
    [InlineData("bytes=-x", 0, null)]
    [InlineData("bytes= 5-9", 0, null)]
    [InlineData("bytes=+5-9", 0, null)]
    [InlineData("bytes=5-9223372036854775808", 0, null)]
    public void A_range_is_that_of_the_header_or_the_whole_value(string header, long offset, long? length)
        => Assert.Equal(new ByteRange(offset, length), RangeHeader.Parse(header));

    [Theory]
    [InlineData("bytes=5-3", "The range 'bytes=5-3' ends before it begins.")]
    [InlineData("bytes=9223372036854775807-0", "The range 'bytes=9223372036854775807-0' ends before it begins.")]
    public void A_range_that_ends_before_it_begins_is_refused(string header, string message)
    {
        var error = Assert.Throws<StoreException>(() => RangeHeader.Parse(header));
        Assert.Equal((StoreError.InvalidArgument, message), (error.Error, error.Message));
    }

    [Theory]
    [InlineData("Basic {0}", "user:pass", "user", "pass")]
    [InlineData("bAsIc {0}", "user:pass", "user", "pass")]
    [InlineData("Basic {0}", "user:pass:word", "user", "pass:word")]
    [InlineData("Basic {0}", ":", "", "")]
    [InlineData("Basic {0}", "\u00e4nne:p\u00e4ss", "\u00e4nne", "p\u00e4ss")]
    public void Credentials_are_split_at_the_first_colon(string form, string text, string user, string password)
    {
        var header = string.Format(System.Globalization.CultureInfo.InvariantCulture, form, Convert.ToBase64String(Encoding.UTF8.GetBytes(text)));
        Assert.Equal((user, password), BasicCredentials.Parse(header));
        Assert.True(new BasicCredentials(user, password).Matches(header));
        Assert.False(new BasicCredentials(user, password + "x").Matches(header));
        Assert.False(new BasicCredentials("x" + user, password).Matches(header));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("Basic ")]
    [InlineData("Basic !")]
    [InlineData("Basic dXNlcg==")]
    [InlineData("Basicx dXNlcjpwYXNz")]
    [InlineData("Bearer dXNlcjpwYXNz")]
    [InlineData("dXNlcjpwYXNz")]
    public void Other_headers_have_no_credentials(string? header)
    {
        Assert.Null(BasicCredentials.Parse(header));
        Assert.False(new BasicCredentials("user", "pass").Matches(header));
    }

    [Theory]
    [InlineData(170)]
    [InlineData(180)]
    [InlineData(181)]
    [InlineData(190)]
    [InlineData(4000)]
    public void Credentials_may_be_long(int length)
    {
        var password = new string('p', length);
        var header = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("user:" + password));
        Assert.Equal(("user", password), BasicCredentials.Parse(header));
        Assert.True(new BasicCredentials("user", password).Matches(header));
        Assert.False(new BasicCredentials("user", password[1..]).Matches(header));
    }

    [Fact]
    public void A_request_has_credentials_if_it_has_one_header_of_them()
    {
        var request = new DefaultHttpContext().Request;
        Assert.Null(BasicCredentials.GetHeader(request));
        request.Headers.Authorization = "Basic x";
        Assert.Equal("Basic x", BasicCredentials.GetHeader(request));
        request.Headers.Authorization = new(["Basic x", "Basic y"]);
        Assert.Null(BasicCredentials.GetHeader(request));
        Assert.Equal("Basic realm=\"BorgStore REST Server\"", BasicCredentials.Challenge);
    }

    [Fact]
    public void The_hash_of_a_value_is_announced_or_requested()
    {
        var context = new DefaultHttpContext();
        Assert.Null(ContentHash.GetAnnounced(context.Request));
        Assert.False(ContentHash.IsWanted(context.Request));
        context.Request.Headers["X-Content-hash-sha256"] = "0A0b";
        context.Request.Headers["Want-Repr-Digest"] = "md5=1, SHA-256=3";
        Assert.Equal("0A0b", ContentHash.GetAnnounced(context.Request));
        Assert.True(ContentHash.IsWanted(context.Request));
        context.Request.Headers["Want-Repr-Digest"] = "sha-512=3";
        Assert.False(ContentHash.IsWanted(context.Request));

        ContentHash.SetDigest(context.Response, [10, 11]);
        Assert.Equal("sha-256=:Cgs=:", context.Response.Headers["Repr-Digest"]);
        ContentHash.Check([10, 11], null);
        ContentHash.Check([10, 11], "0A0b");
        var error = Assert.Throws<StoreException>(() => ContentHash.Check([10, 12], "0A0b"));
        Assert.Equal((StoreError.HashMismatch, "Content hash verification failed, please retry", true), (error.Error, error.Message, error.IsExplained));
    }

    [Theory]
    [InlineData("GET", true)]
    [InlineData("HEAD", true)]
    [InlineData("POST", true)]
    [InlineData("DELETE", true)]
    [InlineData("PUT", false)]
    [InlineData("get", false)]
    [InlineData("", false)]
    public void Four_methods_are_known(string method, bool isKnown) => Assert.Equal(isKnown, RequestDispatcher.IsMethodKnown(method));

    [Theory]
    [InlineData("/anna/data/a", 1, "anna", "data/a", false)]
    [InlineData("/anna/data/?cmd=x", 1, "anna", "data", true)]
    [InlineData("/anna", 1, "anna", "", true)]
    [InlineData("/anna/", 1, "anna", "", true)]
    [InlineData("/anna?cmd=x", 1, "anna", "", true)]
    [InlineData("/team/anna/data/a", 2, "team/anna", "data/a", false)]
    [InlineData("/team/anna", 2, "team/anna", "", true)]
    [InlineData("/Anna_1-2.b%40c/a", 1, "Anna_1-2.b@c", "a", false)]
    [InlineData("/%c3%a4nne/a", 1, "\u00e4nne", "a", false)]
    public void The_store_is_the_first_elements_of_the_path(string target, int depth, string store, string name, bool isListing)
    {
        var (found, rest) = StoreName.Split(target, depth);
        Assert.Equal((store, name, isListing), (found, rest.Name, rest.IsListing));
        Assert.Equal(target.Contains("cmd=x", StringComparison.Ordinal) ? "x" : null, rest["cmd"]);
    }

    [Theory]
    [InlineData("", 1)]
    [InlineData("/", 1)]
    [InlineData("/?cmd=x", 1)]
    [InlineData("/anna", 2)]
    [InlineData("/anna/", 2)]
    [InlineData("anna/data", 1)]
    [InlineData("*", 1)]
    public void A_path_without_a_store_is_explained(string target, int depth)
    {
        var error = Assert.Throws<StoreException>(() => StoreName.Split(target, depth));
        Assert.Equal((StoreError.StoreDoesNotExist, true), (error.Error, error.IsExplained));
        Assert.Equal("This server has many stores. Append the name of one to the URL, as in https://host/"
            + (depth == 1 ? "NAME: 1 element of the path." : "TEAM/NAME: 2 elements of the path."), error.Message);
    }

    [Theory]
    [InlineData("/an+na/a", "'an+na' is not the name of a store: an element has a character other than letters, digits, '-', '_', '.' and '@'.")]
    [InlineData("//a", "'' is not the name of a store: an element does not begin with a letter or digit.")]
    [InlineData("/-/a", "'-' is not the name of a store: an element does not begin with a letter or digit.")]
    [InlineData("/.git/a", "'.git' is not the name of a store: an element does not begin with a letter or digit.")]
    [InlineData("/a.del/a", "'a.del' is not the name of a store: an element ends in '.del'.")]
    [InlineData("/a.tmp/a", "'a.tmp' is not the name of a store: names that end in '.tmp' or '.hid' are reserved for internal use.")]
    [InlineData("/con/a", "'con' is not the name of a store: 'con' is the name of a device on Windows.")]
    [InlineData("/a%2fb/a", "'a%2fb' is not the name of a store: only '@' and letters beyond ASCII, as UTF-8, may be percent-encoded.")]
    [InlineData("/%61/a", "'%61' is not the name of a store: only '@' and letters beyond ASCII, as UTF-8, may be percent-encoded.")]
    [InlineData("/%/a", "'%' is not the name of a store: only '@' and letters beyond ASCII, as UTF-8, may be percent-encoded.")]
    [InlineData("/%4/a", "'%4' is not the name of a store: only '@' and letters beyond ASCII, as UTF-8, may be percent-encoded.")]
    [InlineData("/%c3/a", "'%c3' is not the name of a store: only '@' and letters beyond ASCII, as UTF-8, may be percent-encoded.")]
    [InlineData("/\u00e4%40/a", "'\u00e4%40' is not the name of a store: only '@' and letters beyond ASCII, as UTF-8, may be percent-encoded.")]
    public void A_name_that_no_store_has_is_refused(string target, string message)
    {
        var error = Assert.Throws<StoreException>(() => StoreName.Split(target, 1));
        Assert.Equal(StoreError.InvalidName, error.Error);
        Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("anna", "anna")]
    [InlineData("anna-1_2.b", "anna-1_2.b")]
    [InlineData("Anna", "=41nna")]
    [InlineData("a@b", "a=40b")]
    [InlineData("\u00e4", "=c3=a4")]
    public void A_folder_has_the_escaped_name_of_its_store(string name, string escaped)
    {
        Assert.Equal(escaped, StoreName.Escape(name));
        Assert.Equal(name, StoreName.Unescape(escaped));
    }

    [Theory]
    [InlineData("Anna")]
    [InlineData("=61nna")]
    [InlineData("a=4")]
    [InlineData("a=zz")]
    [InlineData("=c3")]
    [InlineData("=C3=A4")]
    [InlineData(".git")]
    [InlineData("a b")]
    [InlineData("a.tmp")]
    [InlineData("\u00e4=c3=a4")]
    public void Any_other_folder_is_no_store(string element) => Assert.Null(StoreName.Unescape(element));

    [Fact]
    public void The_name_of_a_store_has_limited_length()
    {
        Assert.Null(StoreName.DescribeProblem(new string('a', 64)));
        Assert.Equal("an element has more than 64 characters", StoreName.DescribeProblem(new string('a', 65)));
        // Three characters each once escaped, and six if they are not ASCII.
        Assert.Null(StoreName.DescribeProblem("a" + new string('\u00e4', 15)));
        Assert.Equal("an element has too many characters for the name of a folder", StoreName.DescribeProblem(new string('\u00e4', 34)));
        StoreName.Check("anna/b");
        Assert.Throws<StoreException>(() => StoreName.Check("anna/-b"));
    }

    private static string? Try(Func<string> get)
    {
        try
        {
            return get();
        }
        catch (StoreException e)
        {
            Assert.Equal(StoreError.InvalidName, e.Error);
            return null;
        }
    }
}
