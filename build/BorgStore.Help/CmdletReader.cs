using System.Reflection;
using System.Runtime.Loader;

namespace BorgStore.Help;

/// <summary>A cmdlet, as its class says it.</summary>
internal sealed record Cmdlet(
    string Verb, string Noun, IReadOnlyList<string> ParameterSets, IReadOnlyList<Parameter> Parameters, IReadOnlyList<string> Outputs)
{
    public string Name => $"{Verb}-{Noun}";
}

/// <summary>A parameter, and what holds for it in each of its parameter sets.</summary>
internal sealed record Parameter(
    string Name, string Type, bool IsSwitch, bool TakesWildcards, IReadOnlyList<string> Aliases, IReadOnlyList<string> Values,
    IReadOnlyList<ParameterUse> Uses)
{
    /// <summary>What holds in a parameter set; null where the parameter does not belong to it.</summary>
    public ParameterUse? In(string set) => Uses.FirstOrDefault(use => use.Set == set || use.Set == ParameterUse.AllSets);
}

/// <summary>What holds for a parameter in a parameter set.</summary>
internal sealed record ParameterUse(string Set, bool IsMandatory, int? Position, bool FromPipeline, bool FromProperty)
{
    public const string AllSets = "__AllParameterSets";

    public string PipelineInput => (FromPipeline, FromProperty) switch
    {
        (true, true) => "True (ByValue, ByPropertyName)",
        (true, false) => "True (ByValue)",
        (false, true) => "True (ByPropertyName)",
        _ => "False",
    };
}

/// <summary>Reads the cmdlets of a module out of its attributes. None is instantiated: the PowerShell that a build has is a façade.</summary>
internal static class CmdletReader
{
    public static IReadOnlyList<Cmdlet> Read(string module, string powerShell)
    {
        var context = new AssemblyLoadContext("module");
        var folder = Path.GetDirectoryName(Path.GetFullPath(module))!;
        context.Resolving += (loader, name) =>
        {
            var path = name.Name == "System.Management.Automation" ? powerShell : Path.Combine(folder, name.Name + ".dll");
            return File.Exists(path) ? loader.LoadFromAssemblyPath(Path.GetFullPath(path)) : null;
        };
        return [.. context.LoadFromAssemblyPath(Path.GetFullPath(module)).GetExportedTypes()
            .Where(type => !type.IsAbstract && Find(type.GetCustomAttributesData(), "CmdletAttribute") is not null)
            .Select(ReadCmdlet)
            .OrderBy(cmdlet => cmdlet.Name, StringComparer.Ordinal)];
    }

    private static Cmdlet ReadCmdlet(Type type)
    {
        var attributes = type.GetCustomAttributesData();
        var attribute = Find(attributes, "CmdletAttribute")!;
        var parameters = type.GetProperties()
            .Select(property => (Property: property, Attributes: property.GetCustomAttributesData()))
            .Where(property => Find(property.Attributes, "ParameterAttribute") is not null)
            .Select(property => ReadParameter(property.Property, property.Attributes))
            .ToList();

        string[] first = Named<string>(attribute, "DefaultParameterSetName") is { } chosen ? [chosen] : [];
        var sets = first.Concat(parameters.SelectMany(parameter => parameter.Uses).Select(use => use.Set)
            .Where(set => set != ParameterUse.AllSets)).Distinct().ToList();
        if (sets.Count == 0) sets.Add(ParameterUse.AllSets);

        if (Named<bool>(attribute, "SupportsShouldProcess")) parameters.AddRange([MakeSwitch("WhatIf", "wi"), MakeSwitch("Confirm", "cf")]);
        var outputs = attributes.Where(data => data.AttributeType.Name == "OutputTypeAttribute").SelectMany(Arguments<Type>).Select(Describe);
        return new((string)attribute.ConstructorArguments[0].Value!, (string)attribute.ConstructorArguments[1].Value!, sets, parameters,
            [.. outputs.Distinct()]);
    }

    private static Parameter ReadParameter(PropertyInfo property, IList<CustomAttributeData> attributes)
    {
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        var values = type.IsEnum ? type.GetEnumNames()
            : Find(attributes, "ValidateSetAttribute") is { } set ? Arguments<string>(set) : [];
        var uses = attributes.Where(data => data.AttributeType.Name == "ParameterAttribute").Select(data => new ParameterUse(
            Named<string>(data, "ParameterSetName") ?? ParameterUse.AllSets, Named<bool>(data, "Mandatory"), Named<int?>(data, "Position"),
            Named<bool>(data, "ValueFromPipeline"), Named<bool>(data, "ValueFromPipelineByPropertyName")));
        return new(property.Name, Describe(type), type.Name == "SwitchParameter", Find(attributes, "SupportsWildcardsAttribute") is not null,
            [.. Find(attributes, "AliasAttribute") is { } alias ? Arguments<string>(alias) : []], [.. values], [.. uses]);
    }

    private static Parameter MakeSwitch(string name, string alias)
        => new(name, "SwitchParameter", true, false, [alias], [], [new(ParameterUse.AllSets, false, null, false, false)]);

    private static string Describe(Type type) => type.IsArray ? Describe(type.GetElementType()!) + "[]" : type.Name;

    // The attribute of this name, which must not occur twice unless the first tells enough.
    private static CustomAttributeData? Find(IList<CustomAttributeData> attributes, string name)
        => attributes.FirstOrDefault(data => data.AttributeType.Name == name);

    private static T? Named<T>(CustomAttributeData data, string name)
        => data.NamedArguments.FirstOrDefault(argument => argument.MemberName == name).TypedValue.Value is T value ? value : default;

    // Arguments of a `params` array.
    private static T[] Arguments<T>(CustomAttributeData data)
        => [.. data.ConstructorArguments.SelectMany(argument => argument.Value is IEnumerable<CustomAttributeTypedArgument> several
            ? several
            : [argument]).Select(argument => argument.Value).OfType<T>()];
}
