namespace BorgStore.Help;

/// <summary>Tells what is wrong with the pages, as errors of the build.</summary>
internal sealed class Problems
{
    public bool Any { get; private set; }

    public void Add(string path, int line, string text)
    {
        Any = true;
        Console.Error.WriteLine($"{path}({line}): error HELP: {text}");
    }
}
