namespace BorgStore.Tests.Naming;

public sealed class PrintableTextTests
{
    [Theory]
    [InlineData("config/main", "config/main")]
    [InlineData("grün 😀 'x' \\x1b", "grün 😀 'x' \\x1b")]
    [InlineData("a\x1b[31m\a\0\r\n\tb", @"a\x1b[31m\x07\x00\x0d\x0a\x09b")]
    [InlineData("\u007f\u0085\u009b", @"\x7f\x85\x9b")]
    [InlineData("a\u202eb\u2066c\ufeffd\u2028", @"a\u202eb\u2066c\ufeffd\u2028")]
    [InlineData("\U000e0001ok", @"\U000e0001ok")]
    [InlineData("", "")]
    public void Control_and_format_characters_are_escaped(string text, string expected)
    {
        Assert.Equal(expected, PrintableText.Escape(text));
        Assert.Equal(expected, PrintableText.Escape(expected));
    }

    [Fact]
    public void An_unpaired_surrogate_is_escaped() => Assert.Equal(@"a\ud83db\ude00", PrintableText.Escape("a" + '\ud83d' + "b" + '\ude00'));

    [Fact]
    public void The_message_of_an_exception_is_escaped_but_its_name_is_not()
    {
        var exception = new StoreException(StoreError.BackendFailure, "the server says \u009b2J\u202e", "a\x1b").Explain("load 'a\x1b'", "a\x1b");
        Assert.Equal(@"Could not load 'a\x1b': the storage failed. The server says \x9b2J\u202e.", exception.Message);
        Assert.Equal("a\x1b", exception.Name);
        var explained = exception.Explain("load 'a\x1b'", "a\x1b");
        Assert.Equal(exception.Message, explained.Message);
    }
}
