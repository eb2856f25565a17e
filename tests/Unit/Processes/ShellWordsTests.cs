using BorgStore.Processes;

namespace BorgStore.Tests.Processes;

public class ShellWordsTests
{
    [Theory]
    [InlineData("ssh -i 'my key' \"-o A=b\" x", new[] { "ssh", "-i", "my key", "-o A=b", "x" })]
    [InlineData("  plink  ", new[] { "plink" })]
    [InlineData("", new string[0])]
    [InlineData("a ''", new[] { "a", "" })]
    [InlineData("'C:\\ssh\\ssh.exe' -v", new[] { "C:\\ssh\\ssh.exe", "-v" })]
    public void A_line_is_split_like_in_a_shell(string line, string[] words)
    {
        Assert.Equal(words, ShellWords.Split(line));
        Assert.Equal(words, ShellWords.SplitLocal(line));
    }

    [Fact]
    public void A_backslash_is_kept_only_on_Windows()
        => Assert.Equal(OperatingSystem.IsWindows() ? ["C:\\ssh.exe", "-v"] : ["C:ssh.exe", "-v"], ShellWords.SplitLocal("C:\\ssh.exe -v"));

    [Theory]
    [InlineData("plain/path.x")]
    [InlineData("it's $(a) `b`")]
    [InlineData("")]
    [InlineData("a\\b \"c\"")]
    public void A_quoted_word_is_split_as_one_word(string word) => Assert.Equal([word], ShellWords.Split(ShellWords.Quote(word)));
}
