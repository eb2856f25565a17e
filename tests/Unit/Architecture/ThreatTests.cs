using System.Text.RegularExpressions;

namespace BorgStore.Tests.Architecture;

/// <summary>The page about threats names tests that exist.</summary>
public sealed partial class ThreatTests
{
    private static readonly string Folder = AppContext.BaseDirectory;

    [Fact]
    public void Each_threat_names_a_test_that_exists_or_why_there_is_none()
    {
        var rows = new List<string[]>();
        var isThreats = false;
        foreach (var line in File.ReadAllLines(Path.Combine(Folder, "docs", "threats.md")))
            if (line == "| tries to | is held by | tested in |") isThreats = true;
            else if (line.Length == 0) isThreats = false;
            else if (isThreats && line.StartsWith("| ", StringComparison.Ordinal)) rows.Add(line.Trim('|', ' ').Split(" | "));
        Assert.InRange(rows.Count, 30, 1000);
        foreach (var row in rows)
        {
            Assert.Equal(3, row.Length);
            var names = Quoted().Matches(row[2]).Select(match => match.Groups[1].Value).ToList();
            if (names.Count == 0) Assert.StartsWith("no test: ", row[2], StringComparison.Ordinal);
            foreach (var name in names) Assert.True(Exists(name), $"The threat '{row[0]}' names the test '{name}', which does not exist.");
        }
    }

    // FOLDER/CLASS.METHOD of this assembly, or a file of the tests at the prompt.
    private static bool Exists(string name)
    {
        if (name.StartsWith("tests/Pester/", StringComparison.Ordinal)) return File.Exists(Path.Combine(Folder, name["tests/".Length..]));
        var (type, method) = name.LastIndexOf('.') is > 0 and var dot ? (name[..dot], name[(dot + 1)..]) : (name, "");
        return typeof(ThreatTests).Assembly.GetType($"BorgStore.Tests.{type.Replace('/', '.')}")?.GetMethod(method) is { } found
            && found.GetCustomAttributes(typeof(FactAttribute), inherit: true).Length > 0;
    }

    [GeneratedRegex("`([A-Z][A-Za-z0-9]*/[^`]+|tests/[^`]+)`")]
    private static partial Regex Quoted();
}
