using BorgStore.Naming;
using BorgStore.Server.Http;
using BorgStore.Tests.Fuzzing.Driver;

namespace BorgStore.Tests.Fuzzing.Targets;

/// <summary>Targets of requests: the names in them, and the arguments of commands.</summary>
internal sealed class RequestTargetTarget : IFuzzTarget
{
    private static readonly string[] Keys = ["cmd", "current", "new", "id", "target", "namespace", "prefix", "after"];

    public IReadOnlyList<string> Tokens => ["/", "?", "&", "=", "cmd=", "move", "current=", "new=", "id=", "prefix=", "limit=", "%2F", "%2e%2e", "%00", "+", "http://host", "//", "..", ".del", ".tmp", "data/"];

    public void Run(byte[] input)
    {
        foreach (var text in Check.Texts(input))
        {
            var target = new RequestTarget(text);
            foreach (var name in Keys.Select(key => target[key]).Append(target.Name).Append(text).OfType<string>())
            {
                if (Check.IsRefused(() => RequestTarget.CheckReadable(name))) continue;
                Check.That(name.Length is > 0 and <= ItemName.MaxLength && name.All(c => c is >= '!' and <= '~'), () => $"'{name}' is no name.");
                // A second spelling would not have the rights of the first.
                Check.That(name.Split('/').All(element => element is not ("" or "." or "..")), () => $"'{name}' is another name for something else.");
            }
            if (!Check.IsRefused(() => target.GetWritableName())) Check.That(!Check.IsRefused(() => target.GetReadableName()), () => $"'{target.Name}' can be written and not read.");
            Check.IsRefused(() => target.GetDirectory());
            Check.IsRefused(() => Check.That(!target.GetPrefix().Contains('/'), () => "A prefix reaches into directories."));
            Check.IsRefused(() => Check.That(target.GetNumber("limit") is null or >= 0, () => "A number is negative."));
            Check.IsRefused(() => ItemName.CheckTemporary(text, Suffixes.Temporary));
        }
    }
}
